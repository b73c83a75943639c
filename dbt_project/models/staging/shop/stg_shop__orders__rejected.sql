{%- set keys = ['order_id'] -%}
{%- set content = ['customer_id', 'channel', 'status', 'currency', 'ordered_at'] -%}

with landed as (

    select * from {{ source('shop', 'orders') }}

),

ranked as (

    select
        *,
        {{ winner_rank(keys, version_column='updated_at') }} as row_rank,
        {{ reject_reason(keys, content, version_column='updated_at') }} as reason
    from landed
    where _business_date in (select dt from {{ run_dates() }})

),

rejected as (

    select
        order_id,
        reason,
        updated_at,
        _delivery as delivery,
        _source_file as source_file,
        _row_number as row_number,
        dt as delivery_date,
        _business_date as dt
    from ranked
    where row_rank > 1

)

select * from rejected
