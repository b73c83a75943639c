{#- Changes of the product master: each snapshot against the one delivered before it. -#}
with snapshots as (

    select
        product_id,
        product_name,
        brand,
        department,
        category,
        {{ minor_units_of('list_price') }} as list_price_minor,
        currency,
        dt
    from {{ source('shop', 'products') }}

),

{{ listed_and_before("snapshots") }},

changes as (

    select
        * except (dt),
        'upsert' as operation,
        dt
    from (select * from listed except select * from listed_before)

    union all

    select
        * except (dt),
        'delete' as operation,
        dt
    from listed_before
    where
        not exists (
            select 1
            from listed
            where listed.product_id = listed_before.product_id and listed.dt = listed_before.dt
        )

)

select * from changes
