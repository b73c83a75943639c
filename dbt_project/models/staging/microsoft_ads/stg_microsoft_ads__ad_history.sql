{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('microsoft_ads', 'ad_history') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['id'], version_column='modified_time') }} as row_rank,
        count(*) over (partition by id) as version_count
    from versions

),

ads as (

    select
        id as ad_id,
        title as ad_name,
        ad_group_id,
        cast(null as string) as campaign_id,
        cast(null as string) as account_id,
        status,
        modified_time as updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from ads
