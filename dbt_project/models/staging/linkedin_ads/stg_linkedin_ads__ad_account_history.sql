{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('linkedin_ads', 'ad_account_history') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['id'], version_column='last_modified_time') }} as row_rank,
        count(*) over (partition by id) as version_count
    from versions

),

accounts as (

    select
        id as account_id,
        name as account_name,
        currency,
        cast(null as string) as time_zone,
        cast(null as string) as status,
        last_modified_time as updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from accounts
