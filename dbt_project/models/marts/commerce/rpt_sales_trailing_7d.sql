with sales as (

    select * from {{ history('rpt_sales_daily', 6) }}

),

windows as (

    select * from {{ windows(run_dates(), 6) }}

),

weeks as (

    select
        sales.source_system,
        sales.department,
        sales.currency,
        count(distinct sales.dt) as sales_day_count,
        sum(sales.line_count) as line_count,
        cast(sum(sales.list_value) as decimal(24, 6)) as list_value,
        cast(sum(sales.loyalty_discount) as decimal(24, 6)) as loyalty_discount,
        cast(sum(sales.coupon_match_discount) as decimal(24, 6)) as coupon_match_discount,
        cast(sum(sales.manufacturer_discount) as decimal(24, 6)) as manufacturer_discount,
        cast(sum(sales.sales_value) as decimal(24, 6)) as sales_value,
        cast(sum(sales.customer_paid) as decimal(24, 6)) as customer_paid,
        windows.run_dt as dt
    from windows
    inner join sales on windows.dt = sales.dt
    group by sales.source_system, sales.department, sales.currency, windows.run_dt

)

select * from weeks
