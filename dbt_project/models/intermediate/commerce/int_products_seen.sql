with seen as (

    select distinct
        'completejourney' as source_system,
        cast(product_id as string) as product_id,
        dt
    from {{ ref('stg_completejourney__transactions') }}
    where dt in (select dt from {{ run_dates() }})

    union all

    select distinct
        'shop' as source_system,
        product_id,
        dt
    from {{ ref('stg_shop__order_items') }}
    where dt in (select dt from {{ run_dates() }})

)

select * from seen
