{{ config(partition_by=[]) }}

with latest as (

    select * from {{ source('completejourney', 'coupons') }}

),

coupons as (

    -- The whole row is the key: whatever a duplicate is, it is an exact one.
    select distinct
        coupon_upc,
        cast(product_id as bigint) as product_id,
        campaign_id
    from latest

)

select * from coupons
