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

runs as (

    select * from {{ run_dates() }}

),

listed as (

    select
        snapshots.* except (dt),
        runs.dt
    from runs
    inner join snapshots on snapshots.dt = runs.dt

),

listed_before as (

    select
        snapshots.* except (dt),
        runs.dt
    from runs
    inner join snapshots on snapshots.dt = runs.previous_dt
    -- A date without a snapshot says nothing about what is gone.
    where runs.dt in (select dt from listed)

),

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
