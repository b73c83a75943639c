with shops as (

    select
        'completejourney' as source_system,
        cast(product_id as string) as product_id,
        product_type as product_name,
        brand,
        department,
        product_category as category,
        cast(manufacturer_id as string) as manufacturer_id,
        package_size,
        cast(null as bigint) as list_price_minor,
        cast(null as string) as currency,
        operation,
        dt
    from {{ ref('stg_completejourney__products') }}

),

web_shop as (

    select
        'shop' as source_system,
        product_id,
        product_name,
        brand,
        department,
        category,
        cast(null as string) as manufacturer_id,
        cast(null as string) as package_size,
        list_price_minor,
        currency,
        operation,
        dt
    from {{ ref('stg_shop__products') }}

),

changes as (

    select * from shops
    where dt in (select dt from {{ run_dates() }})

    union all

    select * from web_shop
    where dt in (select dt from {{ run_dates() }})

)

select * from changes
