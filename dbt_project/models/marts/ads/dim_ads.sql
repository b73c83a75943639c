{{ config(partition_by=[]) }}

with ads as (

    -- All of these models have the same columns in the same order, by contract.
    select 'amazon_ads' as source_system, * from {{ ref('stg_amazon_ads__product_ad_history') }}
    union all
    select 'apple_search' as source_system, * from {{ ref('stg_apple_search__ad_history') }}
    union all
    select 'facebook_ads' as source_system, * from {{ ref('stg_facebook_ads__ad_history') }}
    union all
    select 'google_ads' as source_system, * from {{ ref('stg_google_ads__ad_history') }}
    union all
    select 'linkedin_ads' as source_system, * from {{ ref('stg_linkedin_ads__ad_creative_history') }}
    union all
    select 'microsoft_ads' as source_system, * from {{ ref('stg_microsoft_ads__ad_history') }}
    union all
    select 'pinterest_ads' as source_system, * from {{ ref('stg_pinterest_ads__pin_promotion_history') }}
    union all
    select 'reddit_ads' as source_system, * from {{ ref('stg_reddit_ads__ad') }}
    union all
    select 'snapchat_ads' as source_system, * from {{ ref('stg_snapchat_ads__ad_history') }}
    union all
    select 'tiktok_ads' as source_system, * from {{ ref('stg_tiktok_ads__ad_history') }}
    union all
    select 'twitter_ads' as source_system, * from {{ ref('stg_twitter_ads__promoted_tweet_history') }}

),

placed as (

    select
        ads.source_system,
        ads.ad_id,
        ads.ad_name,
        ads.ad_group_id,
        ad_groups.ad_group_name,
        coalesce(ads.campaign_id, ad_groups.campaign_id) as campaign_id,
        coalesce(ads.account_id, ad_groups.account_id) as account_id,
        ads.status,
        ad_groups.ad_group_id is not null as is_ad_group_known,
        ads.version_count,
        ads.updated_at
    from ads
    left join {{ ref('dim_ad_groups') }} as ad_groups
        on ads.source_system = ad_groups.source_system and ads.ad_group_id = ad_groups.ad_group_id

),

described as (

    select
        placed.source_system,
        placed.ad_id,
        placed.ad_name,
        placed.ad_group_id,
        placed.ad_group_name,
        placed.campaign_id,
        campaigns.campaign_name,
        coalesce(placed.account_id, campaigns.account_id) as account_id,
        campaigns.currency,
        placed.status,
        placed.is_ad_group_known,
        placed.version_count,
        placed.updated_at
    from placed
    left join {{ ref('dim_ad_campaigns') }} as campaigns
        on
            placed.source_system = campaigns.source_system
            and placed.campaign_id = campaigns.campaign_id

)

select * from described
