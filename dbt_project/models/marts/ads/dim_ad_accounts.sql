{{ config(partition_by=[]) }}

with accounts as (

    -- All of these models have the same columns in the same order, by contract.
    select 'amazon_ads' as source_system, * from {{ ref('stg_amazon_ads__profile') }}
    union all
    select 'apple_search' as source_system, * from {{ ref('stg_apple_search__organization') }}
    union all
    select 'facebook_ads' as source_system, * from {{ ref('stg_facebook_ads__account_history') }}
    union all
    select 'google_ads' as source_system, * from {{ ref('stg_google_ads__account_history') }}
    union all
    select 'linkedin_ads' as source_system, * from {{ ref('stg_linkedin_ads__ad_account_history') }}
    union all
    select 'microsoft_ads' as source_system, * from {{ ref('stg_microsoft_ads__account_history') }}
    union all
    select 'pinterest_ads' as source_system, * from {{ ref('stg_pinterest_ads__advertiser_history') }}
    union all
    select 'reddit_ads' as source_system, * from {{ ref('stg_reddit_ads__account') }}
    union all
    select 'snapchat_ads' as source_system, * from {{ ref('stg_snapchat_ads__ad_account_history') }}
    union all
    select 'tiktok_ads' as source_system, * from {{ ref('stg_tiktok_ads__advertiser') }}
    union all
    select 'twitter_ads' as source_system, * from {{ ref('stg_twitter_ads__account_history') }}

),

described as (

    select
        source_system,
        account_id,
        account_name,
        case when {{ is_currency('currency') }} then currency end as currency,
        currency as stated_currency,
        {{ is_currency('currency') }} as is_currency_known,
        time_zone,
        status,
        version_count,
        updated_at
    from accounts

)

select * from described
