{#- Each key has a row on every day between its first and its last one in the branch. -#}
{% test no_gaps(model, keys, date_column='dt') %}
    select
        {{ date_column }} as dt,
        {{ keys | join(', ') }},
        previous_date
    from (
        select
            {{ date_column }},
            {{ keys | join(', ') }},
            lag({{ date_column }}) over (
                partition by {{ keys | join(', ') }} order by {{ date_column }}
            ) as previous_date
        from {{ model }}
    )
    where datediff({{ date_column }}, previous_date) > 1
{% endtest %}
