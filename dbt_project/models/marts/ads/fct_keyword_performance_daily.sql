with reports as (

    -- All of these models have the same columns in the same order, by contract.
    select 'adwords' as source_system, * from {{ ref('stg_adwords__keyword_report') }}
    union all
    select 'amazon_ads' as source_system, * from {{ ref('stg_amazon_ads__targeting_keyword_report') }}
    union all
    select 'apple_search' as source_system, * from {{ ref('stg_apple_search__keyword_report') }}
    union all
    select 'google_ads' as source_system, * from {{ ref('stg_google_ads__keyword_stats') }}
    union all
    select 'microsoft_ads' as source_system, * from {{ ref('stg_microsoft_ads__keyword_performance_daily_report') }}
    union all
    select 'pinterest_ads' as source_system, * from {{ ref('stg_pinterest_ads__keyword_report') }}

),

parents as (

    select * from {{ ref('dim_ad_parents') }}
    where level = 'account'

),

of_run_dates as (

    select * from reports
    where dt in (select dt from {{ run_dates() }})

),

performance as (

    select
        of_run_dates.source_system,
        of_run_dates.account_id,
        of_run_dates.campaign_id,
        of_run_dates.ad_group_id,
        of_run_dates.keyword_id,
        of_run_dates.keyword_text,
        of_run_dates.impressions,
        of_run_dates.clicks,
        of_run_dates.conversions,
        of_run_dates.spend_micros,
        coalesce(
            case when {{ is_currency('of_run_dates.currency') }} then of_run_dates.currency end,
            parents.currency
        ) as currency,
        coalesce(of_run_dates.clicks > of_run_dates.impressions, false) as is_click_anomaly,
        of_run_dates.dt
    from of_run_dates
    left join parents
        on
            of_run_dates.source_system = parents.source_system
            and of_run_dates.account_id = parents.member_id

)

select * from performance
