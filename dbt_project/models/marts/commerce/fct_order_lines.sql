with till_lines as (

    select * from {{ ref('stg_completejourney__transactions') }}
    where dt in (select dt from {{ run_dates() }})

),

orders as (

    select * from {{ ref('stg_shop__orders') }}

),

items as (

    select * from {{ ref('stg_shop__order_items') }}
    where dt in (select dt from {{ run_dates() }})

),

products as (

    select * from {{ as_of('dim_products') }}

),

lines as (

    select
        'completejourney' as source_system,
        cast(basket_id as string) as order_id,
        cast(product_id as string) as line_id,
        cast(product_id as string) as product_id,
        cast(household_id as string) as customer_id,
        cast(store_id as string) as store_id,
        quantity,
        sales_value_minor as sales_minor,
        retail_disc_minor as retail_discount_minor,
        coupon_disc_minor as coupon_discount_minor,
        coupon_match_disc_minor as coupon_match_discount_minor,
        currency,
        false as is_cancelled,
        transacted_at as ordered_at,
        dt
    from till_lines

    union all

    select
        'shop' as source_system,
        items.order_id,
        cast(items.line_number as string) as line_id,
        items.product_id,
        orders.customer_id,
        orders.channel as store_id,
        cast(items.quantity as decimal(18, 3)) as quantity,
        items.quantity * items.unit_price_minor - items.shop_discount_minor as sales_minor,
        items.shop_discount_minor as retail_discount_minor,
        items.brand_discount_minor as coupon_discount_minor,
        cast(0 as bigint) as coupon_match_discount_minor,
        items.currency,
        coalesce(orders.status = 'cancelled', false) as is_cancelled,
        items.ordered_at,
        items.dt
    from items
    left join orders
        on items.order_id = orders.order_id and items.dt = orders.dt

),

described as (

    select
        lines.source_system,
        lines.order_id,
        lines.line_id,
        {{ surrogate_key(['lines.source_system', 'lines.product_id']) }} as product_key,
        coalesce(
            products.product_version_key,
            {{ surrogate_key(['lines.source_system', 'lines.product_id', "'inferred'"]) }}
        ) as product_version_key,
        lines.product_id,
        lines.customer_id,
        lines.store_id,
        products.department,
        products.category,
        lines.quantity,
        lines.sales_minor,
        lines.retail_discount_minor,
        lines.coupon_discount_minor,
        lines.coupon_match_discount_minor,
        lines.currency,
        products.product_id is not null as is_product_known,
        lines.is_cancelled,
        lines.ordered_at,
        lines.dt
    from lines
    left join products
        on
            lines.source_system = products.source_system
            and lines.product_id = products.product_id
            and cast(lines.dt as date) >= products.valid_from
            and cast(lines.dt as date) < products.valid_to
            and not products.is_inferred

)

select * from described
