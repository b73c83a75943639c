{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('tiktok_ads', 'ad_history') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['ad_id'], version_column='updated_at') }} as row_rank,
        count(*) over (partition by ad_id) as version_count
    from versions

),

ads as (

    select
        ad_id,
        ad_name,
        adgroup_id as ad_group_id,
        campaign_id,
        advertiser_id as account_id,
        operation_status as status,
        updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from ads
