{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('microsoft_ads', 'campaign_history') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['id'], version_column='modified_time') }} as row_rank,
        count(*) over (partition by id) as version_count
    from versions

),

campaigns as (

    select
        id as campaign_id,
        name as campaign_name,
        account_id,
        cast(null as string) as currency,
        status,
        modified_time as updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from campaigns
