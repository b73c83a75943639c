{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('apple_search', 'campaign_history') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['id'], version_column='modification_time') }} as row_rank,
        count(*) over (partition by id) as version_count
    from versions

),

campaigns as (

    select
        id as campaign_id,
        name as campaign_name,
        organization_id as account_id,
        budget_currency as currency,
        status,
        modification_time as updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from campaigns
