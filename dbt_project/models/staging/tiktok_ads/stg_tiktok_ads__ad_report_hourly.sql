with landed as (

    select * from {{ source('tiktok_ads', 'ad_report_hourly') }}

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
        sum(clicks) as clicks,
        cast(sum(conversion) as decimal(18, 6)) as conversions,
        sum({{ micros('spend') }}) as spend_micros,
        cast(null as string) as currency,
        _business_date as dt
    from stated
    group by ad_id, _business_date

)

select * from ad_days
