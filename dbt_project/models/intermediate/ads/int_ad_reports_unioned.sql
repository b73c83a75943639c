with reports as (

    -- All of these models have the same columns in the same order, by contract.
    select 'amazon_ads' as source_system, * from {{ ref('stg_amazon_ads__advertised_product_report') }}
    union all
    select 'apple_search' as source_system, * from {{ ref('stg_apple_search__ad_report') }}
    union all
    select 'facebook_ads' as source_system, * from {{ ref('stg_facebook_ads__basic_ad') }}
    union all
    select 'google_ads' as source_system, * from {{ ref('stg_google_ads__ad_stats') }}
    union all
    select 'linkedin_ads' as source_system, * from {{ ref('stg_linkedin_ads__ad_analytics_by_creative') }}
    union all
    select 'microsoft_ads' as source_system, * from {{ ref('stg_microsoft_ads__ad_performance_daily_report') }}
    union all
    select 'pinterest_ads' as source_system, * from {{ ref('stg_pinterest_ads__pin_promotion_report') }}
    union all
    select 'reddit_ads' as source_system, * from {{ ref('stg_reddit_ads__ad_report') }}
    union all
    select 'snapchat_ads' as source_system, * from {{ ref('stg_snapchat_ads__ad_hourly_report') }}
    union all
    select 'tiktok_ads' as source_system, * from {{ ref('stg_tiktok_ads__ad_report_hourly') }}
    union all
    select 'twitter_ads' as source_system, * from {{ ref('stg_twitter_ads__promoted_tweet_report') }}

),

of_run_dates as (

    select * from reports
    where dt in (select dt from {{ run_dates() }})

)

select * from of_run_dates
