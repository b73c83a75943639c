{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('reddit_ads', 'ad_group') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['id'], version_column='synced_at') }} as row_rank,
        count(*) over (partition by id) as version_count
    from versions

),

ad_groups as (

    select
        id as ad_group_id,
        name as ad_group_name,
        campaign_id,
        account_id,
        configured_status as status,
        synced_at as updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from ad_groups
