{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('amazon_ads', 'profile') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['id'], version_column='synced_at') }} as row_rank,
        count(*) over (partition by id) as version_count
    from versions

),

accounts as (

    select
        id as account_id,
        account_name,
        currency_code as currency,
        timezone as time_zone,
        cast(null as string) as status,
        synced_at as updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from accounts
