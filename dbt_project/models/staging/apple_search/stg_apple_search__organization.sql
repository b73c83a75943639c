{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('apple_search', 'organization') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['id']) }} as row_rank,
        count(*) over (partition by id) as version_count
    from versions

),

accounts as (

    select
        id as account_id,
        name as account_name,
        currency,
        time_zone,
        cast(null as string) as status,
        cast(null as timestamp) as updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from accounts
