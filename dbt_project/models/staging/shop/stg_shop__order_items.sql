with landed as (

    select * from {{ source('shop', 'order_items') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['order_id', 'line_number']) }} as row_rank
    from landed
    where _business_date in (select dt from {{ run_dates() }})

),

items as (

    select
        order_id,
        line_number,
        product_id,
        quantity,
        {{ minor_units_of('unit_price') }} as unit_price_minor,
        {{ minor_units_of('shop_discount') }} as shop_discount_minor,
        {{ minor_units_of('brand_discount') }} as brand_discount_minor,
        currency,
        ordered_at,
        _business_date as dt
    from ranked
    where row_rank = 1

)

select * from items
