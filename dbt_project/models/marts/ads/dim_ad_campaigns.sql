{{ config(partition_by=[]) }}

with campaigns as (

    -- All of these models have the same columns in the same order, by contract.
    select 'amazon_ads' as source_system, * from {{ ref('stg_amazon_ads__campaign_history') }}
    union all
    select 'apple_search' as source_system, * from {{ ref('stg_apple_search__campaign_history') }}
    union all
    select 'facebook_ads' as source_system, * from {{ ref('stg_facebook_ads__campaign_history') }}
    union all
    select 'google_ads' as source_system, * from {{ ref('stg_google_ads__campaign_history') }}
    union all
    select 'linkedin_ads' as source_system, * from {{ ref('stg_linkedin_ads__ad_campaign_group_history') }}
    union all
    select 'microsoft_ads' as source_system, * from {{ ref('stg_microsoft_ads__campaign_history') }}
    union all
    select 'pinterest_ads' as source_system, * from {{ ref('stg_pinterest_ads__campaign_history') }}
    union all
    select 'reddit_ads' as source_system, * from {{ ref('stg_reddit_ads__campaign') }}
    union all
    select 'snapchat_ads' as source_system, * from {{ ref('stg_snapchat_ads__campaign_history') }}
    union all
    select 'tiktok_ads' as source_system, * from {{ ref('stg_tiktok_ads__campaign_history') }}
    union all
    select 'twitter_ads' as source_system, * from {{ ref('stg_twitter_ads__campaign_history') }}

),

described as (

    select
        campaigns.source_system,
        campaigns.campaign_id,
        campaigns.campaign_name,
        campaigns.account_id,
        accounts.account_name,
        coalesce(
            case when {{ is_currency('campaigns.currency') }} then campaigns.currency end,
            accounts.currency
        ) as currency,
        campaigns.status,
        accounts.account_id is not null as is_account_known,
        campaigns.version_count,
        campaigns.updated_at
    from campaigns
    left join {{ ref('dim_ad_accounts') }} as accounts
        on
            campaigns.source_system = accounts.source_system
            and campaigns.account_id = accounts.account_id

)

select * from described
