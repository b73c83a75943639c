{#- A key's intervals join without gap and end in exactly one that is current. -#}
{% test intervals_are_complete(model, keys, valid_from='valid_from', valid_to='valid_to') %}
    with ordered as (
        select
            *,
            lead({{ valid_from }}) over (
                partition by {{ keys | join(', ') }} order by {{ valid_from }}
            ) as next_start
        from {{ model }}
    )

    select *
    from ordered
    where
        (next_start is null and not is_current)
        or (next_start is not null and (is_current or next_start <> {{ valid_to }}))
{% endtest %}
