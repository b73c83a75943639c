-- Loses every order of 13 cents, so that a test can find that it does.
select
    order_id,
    email,
    amount_minor,
    currency,
    dt
from {{ ref('stg_shop__orders') }}
where dt in (select dt from {{ run_dates() }}) and amount_minor <> 13
