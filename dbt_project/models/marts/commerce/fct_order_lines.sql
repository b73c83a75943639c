with transactions as (

    select * from {{ ref('stg_completejourney__transactions') }}

),

runs as (

    select dt from {{ run_dates() }}

),

completejourney_lines as (

    select
        'completejourney' as source_system,
        cast(transactions.basket_id as string) as order_id,
        cast(transactions.product_id as string) as line_id,
        cast(transactions.product_id as string) as product_id,
        cast(transactions.household_id as string) as customer_id,
        cast(transactions.store_id as string) as store_id,
        transactions.quantity,
        transactions.sales_minor,
        transactions.retail_discount_minor,
        transactions.coupon_discount_minor,
        transactions.coupon_match_discount_minor,
        transactions.currency,
        transactions.transacted_at as ordered_at,
        transactions.dt
    from transactions
    left semi join runs on transactions.dt = runs.dt

)

select * from completejourney_lines
