{#- One row per combination of `columns`; nulls count as values. -#}
{% test unique_combination(model, columns) %}
    select
        {{ failing_dt('max') if 'dt' not in columns }}{{ columns | join(', ') }},
        count(*) as row_count
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}
