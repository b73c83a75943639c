with reports as (

    select * from {{ ref('int_ad_reports_unioned') }}
    where dt in (select dt from {{ run_dates() }})

),

parents as (

    select * from {{ ref('dim_ad_parents') }}

),

placed as (

    select
        reports.source_system,
        coalesce(reports.account_id, ads.account_id) as account_id,
        coalesce(reports.campaign_id, ads.campaign_id) as campaign_id,
        coalesce(reports.ad_group_id, ads.ad_group_id) as ad_group_id,
        reports.ad_id,
        reports.impressions,
        reports.clicks,
        reports.conversions,
        reports.spend_micros,
        case when {{ is_currency('reports.currency') }} then reports.currency end as currency,
        ads.member_id is not null as is_ad_known,
        reports.dt
    from reports
    left join parents as ads
        on
            ads.level = 'ad'
            and reports.source_system = ads.source_system
            and reports.ad_id = ads.member_id

),

accounted as (

    select
        placed.* except (account_id, currency),
        coalesce(placed.account_id, campaigns.account_id) as account_id,
        coalesce(placed.currency, campaigns.currency) as currency
    from placed
    left join parents as campaigns
        on
            campaigns.level = 'campaign'
            and placed.source_system = campaigns.source_system
            and placed.campaign_id = campaigns.member_id

),

performance as (

    select
        accounted.source_system,
        accounted.account_id,
        accounted.campaign_id,
        accounted.ad_group_id,
        accounted.ad_id,
        accounted.impressions,
        accounted.clicks,
        accounted.conversions,
        accounted.spend_micros,
        coalesce(accounted.currency, accounts.currency) as currency,
        coalesce(accounted.currency, accounts.currency) is not null as is_currency_known,
        accounted.is_ad_known,
        accounted.dt
    from accounted
    left join parents as accounts
        on
            accounts.level = 'account'
            and accounted.source_system = accounts.source_system
            and accounted.account_id = accounts.member_id

)

select * from performance
