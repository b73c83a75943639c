{{ config(partition_by=[]) }}

with versions as (

    select * from {{ source('amazon_ads', 'product_ad_history') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['id'], version_column='last_updated_date') }} as row_rank,
        count(*) over (partition by id) as version_count
    from versions

),

ads as (

    select
        id as ad_id,
        asin as ad_name,
        ad_group_id,
        campaign_id,
        cast(null as string) as account_id,
        state as status,
        last_updated_date as updated_at,
        version_count
    from ranked
    where row_rank = 1

)

select * from ads
