{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('apple_search', 'ad_history') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['id'], version_column='modification_time') }} as row_rank,
        count(*) over (partition by id) as version_count
    from versions

),

ads as (

    select
        id as ad_id,
        name as ad_name,
        ad_group_id,
        campaign_id,
        org_id as account_id,
        status,
        modification_time as updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from ads
