{#-
  One of four expressions, by the digits after the decimal point that ISO 4217 gives a currency
  (countinghouse/currencies.py). Each list is looked through once: a row of three amounts whose
  digits were found first, and then compared, took four times as long.
-#}
{% macro by_exponent(currency, of_0, of_2, of_3, of_4) -%}
    case
        when {{ currency }} in (
            'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI',
            'VND', 'VUV', 'XAF', 'XOF', 'XPF'
        ) then {{ of_0 }}
        when {{ currency }} in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then {{ of_3 }}
        when {{ currency }} in ('CLF', 'UYW') then {{ of_4 }}
        else {{ of_2 }}
    end
{%- endmacro %}


{#- Digits after the decimal point. -#}
{% macro currency_exponent(currency) -%}
    {{ by_exponent(currency, 0, 2, 3, 4) }}
{%- endmacro %}


{#- A decimal amount as minor units of the currency beside it; an amount finer than that fails. -#}
{% macro minor_units_of(amount, currency='currency') -%}
    {{ by_exponent(
        currency,
        minor_units(amount, 0), minor_units(amount, 2), minor_units(amount, 3), minor_units(amount, 4)
    ) }}
{%- endmacro %}


{#- Minor units as a decimal of major units, by the currency beside the amount. -#}
{% macro major_units_of(minor, currency='currency') -%}
    {{ by_exponent(
        currency,
        major_units(minor, 0), major_units(minor, 2), major_units(minor, 3), major_units(minor, 4)
    ) }}
{%- endmacro %}


{#-
  An amount as Stripe counts it, as minor units of ISO 4217: Stripe gives ISK and UGX two decimals,
  always 00, and MGA none (docs.stripe.com/currencies, special cases).
-#}
{% macro minor_units_of_stripe(amount, currency='currency') -%}
    case upper({{ currency }})
        when 'ISK' then {{ minor_units('cast(' ~ amount ~ ' as decimal(20, 0)) / 100', 0) }}
        when 'UGX' then {{ minor_units('cast(' ~ amount ~ ' as decimal(20, 0)) / 100', 0) }}
        when 'MGA' then {{ amount }} * 100
        else {{ amount }}
    end
{%- endmacro %}


{#- Whether a text is a currency of ISO 4217, as countinghouse/currencies.py lists them; false if null. -#}
{% macro is_currency(code) -%}
    coalesce({{ code }} in (
        'AED', 'AFN', 'ALL', 'AMD', 'ANG', 'AOA', 'ARS', 'AUD', 'AWG', 'AZN', 'BAM', 'BBD',
        'BDT', 'BGN', 'BHD', 'BIF', 'BMD', 'BND', 'BOB', 'BOV', 'BRL', 'BSD', 'BTN', 'BWP',
        'BYN', 'BZD', 'CAD', 'CDF', 'CHE', 'CHF', 'CHW', 'CLF', 'CLP', 'CNY', 'COP', 'COU',
        'CRC', 'CUC', 'CUP', 'CVE', 'CYP', 'CZK', 'DJF', 'DKK', 'DOP', 'DZD', 'EEK', 'EGP',
        'ERN', 'ETB', 'EUR', 'FJD', 'FKP', 'GBP', 'GEL', 'GHS', 'GIP', 'GMD', 'GNF', 'GTQ',
        'GYD', 'HKD', 'HNL', 'HRK', 'HTG', 'HUF', 'IDR', 'ILS', 'INR', 'IQD', 'IRR', 'ISK',
        'JMD', 'JOD', 'JPY', 'KES', 'KGS', 'KHR', 'KMF', 'KPW', 'KRW', 'KWD', 'KYD', 'KZT',
        'LAK', 'LBP', 'LKR', 'LRD', 'LSL', 'LTL', 'LVL', 'LYD', 'MAD', 'MDL', 'MGA', 'MKD',
        'MMK', 'MNT', 'MOP', 'MRU', 'MTL', 'MUR', 'MVR', 'MWK', 'MXN', 'MXV', 'MYR', 'MZN',
        'NAD', 'NGN', 'NIO', 'NOK', 'NPR', 'NZD', 'OMR', 'PAB', 'PEN', 'PGK', 'PHP', 'PKR',
        'PLN', 'PYG', 'QAR', 'ROL', 'RON', 'RSD', 'RUB', 'RWF', 'SAR', 'SBD', 'SCR', 'SDG',
        'SEK', 'SGD', 'SHP', 'SIT', 'SKK', 'SLE', 'SLL', 'SOS', 'SRD', 'SSP', 'STN', 'SVC',
        'SYP', 'SZL', 'THB', 'TJS', 'TMT', 'TND', 'TOP', 'TRL', 'TRY', 'TTD', 'TWD', 'TZS',
        'UAH', 'UGX', 'USD', 'USN', 'UYI', 'UYU', 'UYW', 'UZS', 'VED', 'VES', 'VND', 'VUV',
        'WST', 'XAF', 'XCD', 'XCG', 'XOF', 'XPF', 'YER', 'ZAR', 'ZMW', 'ZWG', 'ZWL'
    ), false)
{%- endmacro %}
