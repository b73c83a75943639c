{{ config(partition_by=[]) }}

with latest as (

    select * from {{ source('stripe', 'payment_methods') }}

),

payment_methods as (

    select
        payment_method_id,
        customer_id,
        type,
        card_brand,
        card_funding,
        card_country,
        card_last4,
        card_fingerprint,
        wallet_type,
        billing_name,
        billing_email,
        billing_phone,
        billing_postal_code,
        billing_country,
        timestamp_seconds(created) as created_at
    from latest

)

select * from payment_methods
