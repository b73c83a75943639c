{#- Half-open intervals `[valid_from, valid_to)` of a key, none empty, none overlapping. -#}
{% test intervals_do_not_overlap(model, keys, valid_from='valid_from', valid_to='valid_to') %}
    select *
    from (
        select
            *,
            lag({{ valid_to }}) over (
                partition by {{ keys | join(', ') }} order by {{ valid_from }}
            ) as previous_end
        from {{ model }}
    )
    where {{ valid_from }} >= {{ valid_to }} or previous_end > {{ valid_from }}
{% endtest %}
