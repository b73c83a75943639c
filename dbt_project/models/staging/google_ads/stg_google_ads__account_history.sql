{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('google_ads', 'account_history') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['id'], version_column='updated_at') }} as row_rank,
        count(*) over (partition by id) as version_count
    from versions

),

accounts as (

    select
        id as account_id,
        descriptive_name as account_name,
        currency_code as currency,
        time_zone,
        cast(null as string) as status,
        updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from accounts
