{#- dbt's four tests, with the date of each failing row. -#}

{% macro spark__test_not_null(model, column_name) %}
    select {{ failing_dt() }}{{ column_name }}
    from {{ model }}
    where {{ column_name }} is null
{% endmacro %}


{% macro spark__test_unique(model, column_name) %}
    select {{ failing_dt('max') }}{{ column_name }}, count(*) as row_count
    from {{ model }}
    where {{ column_name }} is not null
    group by {{ column_name }}
    having count(*) > 1
{% endmacro %}


{% macro spark__test_accepted_values(model, column_name, values, quote=true) %}
    select {{ failing_dt() }}{{ column_name }}
    from {{ model }}
    where {{ column_name }} not in (
        {%- for value in values -%}
            {{ "'" ~ value ~ "'" if quote else value }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    )
{% endmacro %}


{% macro spark__test_relationships(model, column_name, to, field) %}
    with child as (select * from {{ model }})

    select {{ failing_dt() }}{{ column_name }}
    from child
    where
        {{ column_name }} is not null
        and not exists (select 1 from {{ to }} as parent where parent.{{ field }} = child.{{ column_name }})
{% endmacro %}
