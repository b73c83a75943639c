{{ config(partition_by=[]) }}

with latest as (

    select * from {{ source('stripe', 'payment_intents') }}

),

payment_intents as (

    select
        payment_intent_id,
        latest_charge_id,
        payment_method_id,
        customer_id,
        status,
        capture_method,
        cancellation_reason,
        setup_future_usage,
        payment_method_types,
        receipt_email,
        {{ minor_units_of_stripe('amount') }} as amount_minor,
        {{ minor_units_of_stripe('amount_capturable') }} as capturable_minor,
        {{ minor_units_of_stripe('amount_received') }} as received_minor,
        upper(currency) as currency,
        timestamp_seconds(canceled_at) as canceled_at,
        timestamp_seconds(created) as created_at
    from latest

)

select * from payment_intents
