with orders as (

    select *, {{ winner_rank(['order_id']) }} as _rank
    from {{ source('shop', 'orders') }}
    where _business_date in (select dt from {{ run_dates() }})

)

select
    order_id,
    {{ minor_units('amount', 2) }} as amount_minor,
    'USD' as currency,
    _business_date as dt
from orders
where _rank > 1
