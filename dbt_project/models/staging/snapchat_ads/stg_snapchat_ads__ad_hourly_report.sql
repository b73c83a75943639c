with landed as (

    select * from {{ source('snapchat_ads', 'ad_hourly_report') }}

),

stated as (

    select * from {{ restated('landed') }}

),

ad_days as (

    select
        cast(null as string) as account_id,
        cast(null as string) as campaign_id,
        cast(null as string) as ad_group_id,
        ad_id,
        sum(impressions) as impressions,
        sum(swipes) as clicks,
        cast(sum(conversion_purchases) as decimal(18, 6)) as conversions,
        sum(spend) as spend_micros,
        cast(null as string) as currency,
        _business_date as dt
    from stated
    group by ad_id, _business_date

)

select * from ad_days
