with marketplace_payments as (

    select * from {{ ref('stg_olist__payments') }}
    where dt in (select dt from {{ run_dates() }})

),

charges as (

    select * from {{ ref('stg_stripe__charges') }}
    where dt in (select dt from {{ run_dates() }})

),

entries as (

    select
        'olist' as source_system,
        concat(order_id, '-', cast(payment_sequential as string)) as payment_id,
        order_id,
        payment_sequential as payment_sequence,
        payment_type as source_payment_method,
        cast(null as string) as card_funding,
        'captured' as status,
        installment_count,
        amount_minor,
        currency,
        is_withdrawn,
        cast(null as timestamp) as paid_at,
        dt
    from marketplace_payments

    union all

    select
        'stripe' as source_system,
        charge_id as payment_id,
        payment_intent_id as order_id,
        1 as payment_sequence,
        payment_method_type as source_payment_method,
        card_funding,
        case
            when status = 'succeeded' and is_captured then 'captured'
            when status = 'succeeded' then 'authorised'
            else status
        end as status,
        coalesce(installment_count, 1) as installment_count,
        captured_minor as amount_minor,
        currency,
        is_withdrawn,
        created_at as paid_at,
        dt
    from charges

),

payments as (

    select
        source_system,
        payment_id,
        order_id,
        payment_sequence,
        case
            when source_payment_method = 'credit_card' then 'credit_card'
            when source_payment_method = 'debit_card' then 'debit_card'
            when source_payment_method = 'card' and card_funding in ('credit', 'debit', 'prepaid')
                then concat(card_funding, '_card')
            when source_payment_method = 'card' then 'card'
            when source_payment_method in ('boleto', 'oxxo', 'konbini') then 'cash_slip'
            when source_payment_method = 'voucher' then 'voucher'
            when source_payment_method in ('acss_debit', 'au_becs_debit', 'bacs_debit', 'sepa_debit', 'us_bank_account')
                then 'bank_debit'
            when source_payment_method in ('alipay', 'cashapp', 'grabpay', 'link', 'paypal', 'wechat_pay')
                then 'wallet'
            when coalesce(source_payment_method, 'not_defined') = 'not_defined' then 'unknown'
            else 'unmapped'
        end as payment_method,
        source_payment_method,
        status,
        installment_count,
        if(is_withdrawn, -amount_minor, amount_minor) as amount_minor,
        currency,
        is_withdrawn as is_reversal,
        paid_at,
        dt
    from entries

)

select * from payments
