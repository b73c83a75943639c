with landed as (

    select * from {{ source('shop', 'orders') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['order_id'], version_column='updated_at') }} as row_rank
    from landed
    where _business_date in (select dt from {{ run_dates() }})

),

orders as (

    select
        order_id,
        customer_id,
        channel,
        status,
        currency,
        ordered_at,
        updated_at,
        _business_date as dt
    from ranked
    where row_rank = 1

)

select * from orders
