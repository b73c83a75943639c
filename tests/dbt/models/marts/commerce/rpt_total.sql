{{ config(partition_by=[]) }}

select sum(amount_minor) as amount_minor, currency
from {{ ref('stg_shop__orders') }}
group by currency
