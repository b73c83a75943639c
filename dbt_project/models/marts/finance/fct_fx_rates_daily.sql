with quotes as (

    select * from {{ history('stg_ecb_fx__rates', 5) }}

),

runs as (

    select dt from {{ run_dates() }}

),

ranked as (

    -- TARGET holidays leave at most four days without a quote; older than five is no rate.
    select
        quotes.currency,
        quotes.rate,
        quotes.dt as quoted_on,
        runs.dt,
        row_number() over (
            partition by runs.dt, quotes.currency
            order by quotes.dt desc
        ) as row_rank
    from runs
    inner join quotes
        on
            cast(quotes.dt as date) >= date_sub(cast(runs.dt as date), 5)
            and quotes.dt <= runs.dt

),

rates as (

    select
        'EUR' as base_currency,
        currency,
        rate,
        quoted_on <> dt as is_filled,
        cast(quoted_on as date) as source_date,
        dt
    from ranked
    where row_rank = 1

)

select * from rates
