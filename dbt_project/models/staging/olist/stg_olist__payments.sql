{#- Each snapshot against the one delivered before it: what is new, and what is no longer said. -#}
with snapshots as (

    select
        order_id,
        payment_sequential,
        payment_type,
        payment_installments as installment_count,
        {{ minor_units('payment_value', 2) }} as amount_minor,
        dt
    from {{ source('olist', 'payments') }}

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

payments as (

    select
        order_id,
        payment_sequential,
        payment_type,
        installment_count,
        amount_minor,
        'BRL' as currency,
        is_withdrawn,
        dt
    from entries

)

select * from payments
