{#-
  A decimal amount as an integer of minor units; an amount finer than that fails.
  `exponent` is a number or an expression, such as currency_exponent('currency').
-#}
{% macro minor_units(amount, exponent=2) -%}
    cast(if(
        {{ amount }} * {{ minor_per_major(exponent) }}
            = round({{ amount }} * {{ minor_per_major(exponent) }}, 0),
        {{ amount }} * {{ minor_per_major(exponent) }},
        raise_error(concat('finer than a minor unit: ', {{ amount }}))
    ) as bigint)
{%- endmacro %}


{#- A decimal amount as an integer of micros (millionths of a unit); a finer one fails, null stays. -#}
{% macro micros(amount) -%}
    case when {{ amount }} is not null then {{ minor_units(amount, 6) }} end
{%- endmacro %}


{#- An integer of minor units as a decimal of major units. -#}
{% macro major_units(minor, exponent=2) -%}
    cast(cast({{ minor }} as decimal(20, 0)) / {{ minor_per_major(exponent) }} as decimal(24, 6))
{%- endmacro %}


{% macro minor_per_major(exponent) -%}
    {%- if exponent is number -%}
        1{{ '0' * exponent }}
    {%- else -%}
        element_at(array(1, 10, 100, 1000, 10000), 1 + {{ exponent }})
    {%- endif -%}
{%- endmacro %}


{#- Rounds a decimal of minor units, half away from zero, as postings do. -#}
{% macro rounded(minor) -%}
    cast(round({{ minor }}, 0) as bigint)
{%- endmacro %}


{#- A quotient of two integers as a decimal; null where the divisor is 0. -#}
{% macro ratio(dividend, divisor) -%}
    cast(cast({{ dividend }} as decimal(20, 0)) / nullif({{ divisor }}, 0) as decimal(24, 6))
{%- endmacro %}
