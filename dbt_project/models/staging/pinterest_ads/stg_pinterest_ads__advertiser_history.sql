{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('pinterest_ads', 'advertiser_history') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['id'], version_column='updated_time') }} as row_rank,
        count(*) over (partition by id) as version_count
    from versions

),

accounts as (

    select
        id as account_id,
        name as account_name,
        currency,
        cast(null as string) as time_zone,
        status,
        updated_time as updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from accounts
