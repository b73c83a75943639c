{{ config(partition_by=[]) }}

with latest as (

    select * from {{ source('stripe', 'payouts') }}

),

payouts as (

    select
        payout_id,
        balance_transaction_id,
        destination_id,
        type,
        method,
        status,
        reconciliation_status,
        failure_code,
        original_payout_id,
        reversed_by_id,
        {{ minor_units_of_stripe('amount') }} as amount_minor,
        upper(currency) as currency,
        is_automatic,
        cast(timestamp_seconds(arrival_date) as date) as arrival_date,
        timestamp_seconds(created) as created_at
    from latest

)

select * from payouts
