with lines as (

    select * from {{ ref('fct_order_lines') }}

),

runs as (

    select dt from {{ run_dates() }}

),

sales as (

    select
        lines.source_system,
        lines.currency,
        count(distinct lines.order_id) as order_count,
        count(*) as line_count,
        sum(lines.quantity) as quantity,
        sum(lines.sales_minor) as sales_minor,
        lines.dt
    from lines
    left semi join runs on lines.dt = runs.dt
    group by lines.source_system, lines.currency, lines.dt

)

select * from sales
