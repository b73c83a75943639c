with landed as (

    select * from {{ source('completejourney', 'transactions') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['basket_id', 'product_id']) }} as row_rank
    from landed
    where _business_date in (select dt from {{ run_dates() }})

),

lines as (

    select
        cast(basket_id as bigint) as basket_id,
        cast(product_id as bigint) as product_id,
        household_id,
        store_id,
        week as study_week,
        quantity,
        {{ minor_units('sales_value', 2) }} as sales_value_minor,
        {{ minor_units('retail_disc', 2) }} as retail_disc_minor,
        {{ minor_units('coupon_disc', 2) }} as coupon_disc_minor,
        {{ minor_units('coupon_match_disc', 2) }} as coupon_match_disc_minor,
        'USD' as currency,
        transaction_timestamp as transacted_at,
        _business_date as dt
    from ranked
    where row_rank = 1

)

select * from lines
