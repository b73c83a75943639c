{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('tiktok_ads', 'advertiser') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['advertiser_id'], version_column='synced_at') }} as row_rank,
        count(*) over (partition by advertiser_id) as version_count
    from versions

),

accounts as (

    select
        advertiser_id as account_id,
        name as account_name,
        currency,
        timezone as time_zone,
        status,
        synced_at as updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from accounts
