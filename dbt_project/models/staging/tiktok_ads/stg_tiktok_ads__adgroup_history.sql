{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('tiktok_ads', 'adgroup_history') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['adgroup_id'], version_column='updated_at') }} as row_rank,
        count(*) over (partition by adgroup_id) as version_count
    from versions

),

ad_groups as (

    select
        adgroup_id as ad_group_id,
        adgroup_name as ad_group_name,
        campaign_id,
        advertiser_id as account_id,
        operation_status as status,
        updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from ad_groups
