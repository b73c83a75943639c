{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('linkedin_ads', 'ad_creative_history') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['id'], version_column='last_modified_at') }} as row_rank,
        count(*) over (partition by id) as version_count
    from versions

),

ads as (

    select
        id as ad_id,
        cast(null as string) as ad_name,
        campaign_id as ad_group_id,
        cast(null as string) as campaign_id,
        cast(null as string) as account_id,
        intended_status as status,
        last_modified_at as updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from ads
