{#- Each snapshot against the one delivered before it: what is new, and what is no longer said. -#}
with snapshots as (

    select
        charge_id,
        payment_intent_id,
        payment_method_id,
        customer_id,
        balance_transaction_id,
        payment_method_type,
        card_brand,
        card_funding,
        card_country,
        card_last4,
        card_fingerprint,
        card_network,
        installment_count,
        outcome_type,
        status,
        failure_code,
        billing_name,
        billing_email,
        billing_phone,
        billing_postal_code,
        billing_country,
        receipt_email,
        {{ minor_units_of_stripe('amount') }} as amount_minor,
        {{ minor_units_of_stripe('amount_captured') }} as captured_minor,
        {{ minor_units_of_stripe('amount_refunded') }} as refunded_minor,
        upper(currency) as currency,
        is_paid,
        is_captured,
        is_refunded,
        is_disputed,
        timestamp_seconds(created) as created_at,
        dt
    from {{ source('stripe', 'charges') }}

),

{{ listed_and_before("snapshots") }},

entries as (

    select
        *,
        false as is_withdrawn
    from (select * from listed except select * from listed_before)

    union all

    select
        *,
        true as is_withdrawn
    from (select * from listed_before except select * from listed)

),

charges as (

    select
        * except (is_withdrawn, created_at, dt),
        is_withdrawn,
        created_at,
        dt
    from entries

)

select * from charges
