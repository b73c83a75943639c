with changes as (

    select * from {{ ref('int_product_changes') }}
    where dt in (select dt from {{ run_dates() }})

),

seen as (

    select * from {{ ref('int_products_seen') }}
    where dt in (select dt from {{ run_dates() }})

),

previous as (

    select * from {{ previous_state() }}

),

first_changes as (

    select source_system, product_id, min(dt) as dt from changes
    group by source_system, product_id

),

first_seen as (

    select source_system, product_id, min(dt) as dt from seen
    group by source_system, product_id

),

inferred as (

    -- A key that has once been listed keeps a current row even when it is delisted (is_deleted),
    -- so the open partition alone tells that it is known.
    select first_seen.*
    from first_seen
    left join previous
        on
            first_seen.source_system = previous.source_system
            and first_seen.product_id = previous.product_id
    left join first_changes
        on
            first_seen.source_system = first_changes.source_system
            and first_seen.product_id = first_changes.product_id
            and first_changes.dt <= first_seen.dt
    where previous.product_id is null and first_changes.product_id is null

),

states as (

    select
        source_system, product_id, product_name, brand, department, category, manufacturer_id,
        package_size, list_price_minor, currency, is_inferred, is_deleted, valid_from, valid_to
    from previous

    union all

    select
        source_system, product_id, product_name, brand, department, category, manufacturer_id,
        package_size, list_price_minor, currency, false, operation = 'delete',
        cast(dt as date), date'9999-12-31'
    from changes

    union all

    select
        source_system, product_id, null, null, null, null, null,
        null, null, null, true, false,
        cast(dt as date), date'9999-12-31'
    from inferred

),

intervals as (

    select
        * except (valid_to),
        least(
            valid_to,
            lead(valid_from, 1, valid_to) over (
                partition by source_system, product_id order by valid_from
            )
        ) as valid_to
    from states

),

versions as (

    select
        case
            when is_inferred then {{ surrogate_key(['source_system', 'product_id', "'inferred'"]) }}
            else {{ surrogate_key(['source_system', 'product_id', 'valid_from']) }}
        end as product_version_key,
        {{ surrogate_key(['source_system', 'product_id']) }} as product_key,
        source_system,
        product_id,
        product_name,
        brand,
        department,
        category,
        manufacturer_id,
        package_size,
        list_price_minor,
        currency,
        valid_to = date'9999-12-31' as is_current,
        is_inferred,
        is_deleted,
        valid_from,
        valid_to,
        case
            when valid_to = date'9999-12-31' then '9999-12-31'
            else cast(cast(date_trunc('month', valid_to) as date) as string)
        end as dt
    from intervals

)

select * from versions
