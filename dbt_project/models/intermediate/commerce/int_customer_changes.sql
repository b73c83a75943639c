with web_shop as (

    select * from {{ ref('stg_shop__customers') }}
    where dt in (select dt from {{ run_dates() }})

),

ranked as (

    select
        *,
        row_number() over (partition by customer_id, dt order by log_position desc) as row_rank
    from web_shop

),

changes as (

    select
        'shop' as source_system,
        customer_id,
        log_position,
        operation,
        name_hash,
        email_token,
        country_code,
        segment,
        dt
    from ranked
    where row_rank = 1

)

select * from changes
