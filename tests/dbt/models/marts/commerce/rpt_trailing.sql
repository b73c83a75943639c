with runs as (

    select dt from {{ run_dates() }}

)

select
    sum(orders.amount_minor) as amount_minor,
    orders.currency,
    runs.dt
from runs
inner join {{ history('stg_shop__orders', 2) }} as orders
    on orders.dt between date_format(date_sub(runs.dt, 2), 'yyyy-MM-dd') and runs.dt
group by orders.currency, runs.dt
