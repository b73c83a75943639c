{#- Digits after the decimal point that ISO 4217 gives a currency. -#}
{% macro currency_exponent(currency) -%}
    case
        when {{ currency }} in (
            'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND',
            'VUV', 'XAF', 'XOF', 'XPF'
        ) then 0
        when {{ currency }} in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 3
        else 2
    end
{%- endmacro %}


{#- Minor units as a decimal of major units, by the currency beside the amount. -#}
{% macro major_units_of(minor, currency='currency') -%}
    case {{ currency_exponent(currency) }}
        when 0 then {{ major_units(minor, 0) }}
        when 3 then {{ major_units(minor, 3) }}
        else {{ major_units(minor, 2) }}
    end
{%- endmacro %}
