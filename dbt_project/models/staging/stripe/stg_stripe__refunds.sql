{{ config(partition_by=[]) }}

with latest as (

    select * from {{ source('stripe', 'refunds') }}

),

refunds as (

    select
        refund_id,
        charge_id,
        payment_intent_id,
        balance_transaction_id,
        status,
        reason,
        destination_type,
        {{ minor_units_of_stripe('amount') }} as amount_minor,
        upper(currency) as currency,
        timestamp_seconds(created) as created_at
    from latest

)

select * from refunds
