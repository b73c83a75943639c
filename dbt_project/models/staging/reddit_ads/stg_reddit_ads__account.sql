{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('reddit_ads', 'account') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['id'], version_column='synced_at') }} as row_rank,
        count(*) over (partition by id) as version_count
    from versions

),

accounts as (

    select
        id as account_id,
        cast(null as string) as account_name,
        currency,
        time_zone_id as time_zone,
        status,
        synced_at as updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from accounts
