with changes as (

    select * from {{ ref('int_customer_changes') }}
    where dt in (select dt from {{ run_dates() }})

),

previous as (

    select * from {{ previous_state() }}

),

states as (

    select
        source_system, customer_id, log_position, name_hash, email_token, country_code, segment,
        is_deleted, valid_from, valid_to
    from previous

    union all

    select
        source_system, customer_id, log_position, name_hash, email_token, country_code, segment,
        operation = 'delete', cast(dt as date), date'9999-12-31'
    from changes

),

ordered as (

    select
        *,
        max(log_position) over (
            partition by source_system, customer_id
            order by valid_from
            rows between unbounded preceding and 1 preceding
        ) as position_before
    from states

),

applied as (

    -- A change that an earlier day's change has overtaken in the log is past.
    select * from ordered
    where position_before is null or log_position > position_before

),

intervals as (

    select
        * except (valid_to, position_before),
        least(
            valid_to,
            lead(valid_from, 1, valid_to) over (
                partition by source_system, customer_id order by valid_from
            )
        ) as valid_to
    from applied

),

versions as (

    select
        {{ surrogate_key(['source_system', 'customer_id', 'valid_from']) }} as customer_version_key,
        {{ surrogate_key(['source_system', 'customer_id']) }} as customer_key,
        source_system,
        customer_id,
        name_hash,
        email_token,
        country_code,
        segment,
        log_position,
        valid_to = date'9999-12-31' as is_current,
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
