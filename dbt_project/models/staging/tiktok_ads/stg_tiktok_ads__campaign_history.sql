{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('tiktok_ads', 'campaign_history') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['campaign_id'], version_column='updated_at') }} as row_rank,
        count(*) over (partition by campaign_id) as version_count
    from versions

),

campaigns as (

    select
        campaign_id,
        campaign_name,
        advertiser_id as account_id,
        cast(null as string) as currency,
        operation_status as status,
        updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from campaigns
