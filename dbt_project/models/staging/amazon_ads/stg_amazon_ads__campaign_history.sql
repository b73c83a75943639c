{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('amazon_ads', 'campaign_history') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['id'], version_column='last_updated_date') }} as row_rank,
        count(*) over (partition by id) as version_count
    from versions

),

campaigns as (

    select
        id as campaign_id,
        name as campaign_name,
        profile_id as account_id,
        cast(null as string) as currency,
        state as status,
        last_updated_date as updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from campaigns
