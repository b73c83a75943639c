{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('snapchat_ads', 'ad_history') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['id'], version_column='synced_at') }} as row_rank,
        count(*) over (partition by id) as version_count
    from versions

),

ads as (

    select
        id as ad_id,
        name as ad_name,
        ad_squad_id as ad_group_id,
        cast(null as string) as campaign_id,
        cast(null as string) as account_id,
        cast(null as string) as status,
        synced_at as updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from ads
