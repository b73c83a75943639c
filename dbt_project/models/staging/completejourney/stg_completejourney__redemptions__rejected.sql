{%- set keys = ['household_id', 'coupon_upc', 'campaign_id', 'redemption_date'] -%}

with landed as (

    select * from {{ source('completejourney', 'redemptions') }}

),

ranked as (

    select
        *,
        {{ winner_rank(keys) }} as row_rank,
        {{ reject_reason(keys, keys) }} as reason
    from landed
    where _business_date in (select dt from {{ run_dates() }})

),

rejected as (

    select
        household_id,
        coupon_upc,
        campaign_id,
        redemption_date,
        reason,
        _delivery as delivery,
        _source_file as source_file,
        _row_number as row_number,
        dt as delivery_date,
        _business_date as dt
    from ranked
    where row_rank > 1

)

select * from rejected
