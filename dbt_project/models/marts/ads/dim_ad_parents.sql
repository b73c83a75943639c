{{ config(partition_by=[]) }}

with parents as (

    select
        source_system,
        'ad' as level,
        ad_id as member_id,
        ad_group_id,
        campaign_id,
        account_id,
        currency
    from {{ ref('dim_ads') }}

    union all

    select
        source_system,
        'campaign' as level,
        campaign_id as member_id,
        cast(null as string) as ad_group_id,
        campaign_id,
        account_id,
        currency
    from {{ ref('dim_ad_campaigns') }}

    union all

    select
        source_system,
        'account' as level,
        account_id as member_id,
        cast(null as string) as ad_group_id,
        cast(null as string) as campaign_id,
        account_id,
        currency
    from {{ ref('dim_ad_accounts') }}

)

select * from parents
