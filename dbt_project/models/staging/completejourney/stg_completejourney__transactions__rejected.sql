{%- set keys = ['basket_id', 'product_id'] -%}
{%- set content = [
    'household_id', 'store_id', 'quantity', 'sales_value', 'retail_disc', 'coupon_disc',
    'coupon_match_disc', 'week', 'transaction_timestamp',
] -%}

with landed as (

    select * from {{ source('completejourney', 'transactions') }}

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
        cast(basket_id as bigint) as basket_id,
        cast(product_id as bigint) as product_id,
        reason,
        {{ minor_units('sales_value', 2) }} as sales_value_minor,
        {{ minor_units('retail_disc', 2) }} as retail_disc_minor,
        {{ minor_units('coupon_disc', 2) }} as coupon_disc_minor,
        {{ minor_units('coupon_match_disc', 2) }} as coupon_match_disc_minor,
        'USD' as currency,
        _delivery as delivery,
        _source_file as source_file,
        _row_number as row_number,
        dt as delivery_date,
        _business_date as dt
    from ranked
    where row_rank > 1

)

select * from rejected
