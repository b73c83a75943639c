{{ config(partition_by=[]) }}

with ad_groups as (

    -- All of these models have the same columns in the same order, by contract.
    select 'amazon_ads' as source_system, * from {{ ref('stg_amazon_ads__ad_group_history') }}
    union all
    select 'apple_search' as source_system, * from {{ ref('stg_apple_search__ad_group_history') }}
    union all
    select 'facebook_ads' as source_system, * from {{ ref('stg_facebook_ads__ad_set_history') }}
    union all
    select 'google_ads' as source_system, * from {{ ref('stg_google_ads__ad_group_history') }}
    union all
    select 'linkedin_ads' as source_system, * from {{ ref('stg_linkedin_ads__ad_campaign_history') }}
    union all
    select 'microsoft_ads' as source_system, * from {{ ref('stg_microsoft_ads__ad_group_history') }}
    union all
    select 'pinterest_ads' as source_system, * from {{ ref('stg_pinterest_ads__ad_group_history') }}
    union all
    select 'reddit_ads' as source_system, * from {{ ref('stg_reddit_ads__ad_group') }}
    union all
    select 'snapchat_ads' as source_system, * from {{ ref('stg_snapchat_ads__ad_squad_history') }}
    union all
    select 'tiktok_ads' as source_system, * from {{ ref('stg_tiktok_ads__adgroup_history') }}
    union all
    select 'twitter_ads' as source_system, * from {{ ref('stg_twitter_ads__line_item_history') }}

),

described as (

    select
        ad_groups.source_system,
        ad_groups.ad_group_id,
        ad_groups.ad_group_name,
        ad_groups.campaign_id,
        campaigns.campaign_name,
        coalesce(ad_groups.account_id, campaigns.account_id) as account_id,
        campaigns.currency,
        ad_groups.status,
        campaigns.campaign_id is not null as is_campaign_known,
        ad_groups.version_count,
        ad_groups.updated_at
    from ad_groups
    left join {{ ref('dim_ad_campaigns') }} as campaigns
        on
            ad_groups.source_system = campaigns.source_system
            and ad_groups.campaign_id = campaigns.campaign_id

)

select * from described
