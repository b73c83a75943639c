with quotes as (

    select * from {{ history('stg_ecb_fx__rates', 5) }}

),

windows as (

    -- TARGET holidays leave at most four days without a quote; older than five is no rate.
    select * from {{ windows(run_dates(), 5) }}

),

ranked as (

    select
        quotes.currency,
        quotes.rate,
        quotes.dt as quoted_on,
        windows.run_dt as dt,
        row_number() over (
            partition by windows.run_dt, quotes.currency
            order by quotes.dt desc
        ) as row_rank
    from windows
    inner join quotes on windows.dt = quotes.dt

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
