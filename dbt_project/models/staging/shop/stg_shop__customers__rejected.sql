{%- set content = ['customer_id', 'operation', 'name_hash', 'email_token', 'country_code', 'segment', 'changed_at'] -%}

with landed as (

    select * from {{ source('shop', 'customers') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['log_position']) }} as row_rank,
        {{ reject_reason(['log_position'], content) }} as reason
    from landed
    where _business_date in (select dt from {{ run_dates() }})

),

rejected as (

    select
        customer_id,
        log_position,
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
