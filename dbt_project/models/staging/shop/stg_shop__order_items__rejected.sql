{%- set keys = ['order_id', 'line_number'] -%}
{%- set content = [
    'product_id', 'quantity', 'unit_price', 'shop_discount', 'brand_discount', 'currency',
    'ordered_at',
] -%}

with landed as (

    select * from {{ source('shop', 'order_items') }}

),

ranked as (

    select
        *,
        {{ winner_rank(keys) }} as row_rank,
        {{ reject_reason(keys, content) }} as reason
    from landed
    where _business_date in (select dt from {{ run_dates() }})

),

rejected as (

    select
        order_id,
        line_number,
        reason,
        quantity,
        {{ minor_units_of('unit_price') }} as unit_price_minor,
        {{ minor_units_of('shop_discount') }} as shop_discount_minor,
        {{ minor_units_of('brand_discount') }} as brand_discount_minor,
        currency,
        _delivery as delivery,
        _source_file as source_file,
        _row_number as row_number,
        dt as delivery_date,
        _business_date as dt
    from ranked
    where row_rank > 1

)

select * from rejected
