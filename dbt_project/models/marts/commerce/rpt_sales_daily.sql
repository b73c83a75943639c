with lines as (

    select * from {{ ref('fct_order_lines') }}
    where dt in (select dt from {{ run_dates() }}) and not is_cancelled

),

totals as (

    select
        source_system,
        coalesce(department, 'UNKNOWN') as department,
        currency,
        count(distinct order_id) as order_count,
        count(*) as line_count,
        sum(sales_minor) as sales_minor,
        sum(retail_discount_minor) as retail_discount_minor,
        sum(coupon_match_discount_minor) as coupon_match_discount_minor,
        sum(coupon_discount_minor) as coupon_discount_minor,
        dt
    from lines
    group by source_system, coalesce(department, 'UNKNOWN'), currency, dt

),

sales as (

    select
        source_system,
        department,
        currency,
        order_count,
        line_count,
        {{ major_units_of('sales_minor + retail_discount_minor + coupon_match_discount_minor') }} as list_value,
        {{ major_units_of('retail_discount_minor') }} as loyalty_discount,
        {{ major_units_of('coupon_match_discount_minor') }} as coupon_match_discount,
        {{ major_units_of('coupon_discount_minor') }} as manufacturer_discount,
        {{ major_units_of('sales_minor') }} as sales_value,
        {{ major_units_of('sales_minor - coupon_discount_minor') }} as customer_paid,
        dt
    from totals

)

select * from sales
