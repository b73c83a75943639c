{{ config(partition_by=[]) }}

with latest as (

    select * from {{ source('completejourney', 'coupons') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by coupon_upc, product_id, campaign_id
            order by _source_file, _row_number
        ) as row_rank
    from latest

),

rejected as (

    select
        coupon_upc,
        cast(product_id as bigint) as product_id,
        campaign_id,
        'duplicate' as reason,
        _delivery as delivery,
        _source_file as source_file,
        _row_number as row_number
    from ranked
    where row_rank > 1

)

select * from rejected
