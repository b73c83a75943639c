{{ config(partition_by=[]) }}

with latest as (

    select * from {{ source('stripe', 'disputes') }}

),

disputes as (

    select
        dispute_id,
        charge_id,
        payment_intent_id,
        status,
        reason,
        network_reason_code,
        case_type,
        card_brand,
        balance_transactions,
        {{ minor_units_of_stripe('amount') }} as amount_minor,
        upper(currency) as currency,
        is_charge_refundable,
        has_evidence,
        is_past_due,
        timestamp_seconds(evidence_due_by) as evidence_due_at,
        timestamp_seconds(created) as created_at
    from latest

)

select * from disputes
