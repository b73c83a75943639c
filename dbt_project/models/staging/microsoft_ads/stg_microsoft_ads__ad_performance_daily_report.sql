with landed as (

    select * from {{ source('microsoft_ads', 'ad_performance_daily_report') }}

),

stated as (

    select * from {{ restated('landed') }}

),

ad_days as (

    select
        account_id,
        campaign_id,
        ad_group_id,
        ad_id,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        cast(sum(conversions_qualified) as decimal(18, 6)) as conversions,
        sum({{ micros('spend') }}) as spend_micros,
        currency_code as currency,
        _business_date as dt
    from stated
    group by account_id, campaign_id, ad_group_id, ad_id, currency_code, _business_date

)

select * from ad_days
