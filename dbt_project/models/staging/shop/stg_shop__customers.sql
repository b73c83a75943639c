with landed as (

    select * from {{ source('shop', 'customers') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['log_position']) }} as row_rank
    from landed
    where _business_date in (select dt from {{ run_dates() }})

),

changes as (

    select
        customer_id,
        log_position,
        case operation when 'D' then 'delete' else 'upsert' end as operation,
        name_hash,
        email_token,
        country_code,
        segment,
        changed_at,
        _business_date as dt
    from ranked
    where row_rank = 1

)

select * from changes
