{{ config(partition_by=[]) }}

with latest as (

    select * from {{ source('stripe', 'balance_transactions') }}

),

balance_transactions as (

    select
        balance_transaction_id,
        type,
        reporting_category,
        source_id,
        balance_type,
        status,
        fee_details,
        {{ minor_units_of_stripe('amount') }} as amount_minor,
        {{ minor_units_of_stripe('fee') }} as fee_minor,
        {{ minor_units_of_stripe('net') }} as net_minor,
        upper(currency) as currency,
        exchange_rate,
        timestamp_seconds(available_on) as available_at,
        timestamp_seconds(created) as created_at
    from latest

)

select * from balance_transactions
