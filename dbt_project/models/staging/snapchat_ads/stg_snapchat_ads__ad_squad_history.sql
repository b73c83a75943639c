{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('snapchat_ads', 'ad_squad_history') }}

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
        cast(null as string) as account_id,
        cast(null as string) as status,
        synced_at as updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from ad_groups
