{#- A rate quoted on the day differs from the quote before it, of the last days, by at most `largest_move`. -#}
{% test rates_move_little(model, quotes, largest_move) %}
    with quoted as (
        select
            currency,
            rate,
            lag(rate) over (partition by currency order by dt) as rate_before,
            dt
        from {{ quotes }}
    )

    select dt, currency, rate_before, rate
    from quoted
    where
        dt in (select dt from {{ tested_dates() }})
        and abs(rate - rate_before) > {{ largest_move }} * rate_before
{% endtest %}
