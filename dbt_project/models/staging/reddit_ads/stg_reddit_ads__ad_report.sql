with landed as (

    select * from {{ source('reddit_ads', 'ad_report') }}

),

stated as (

    select * from {{ restated('landed') }}

),

ad_days as (

    select
        account_id,
        cast(null as string) as campaign_id,
        cast(null as string) as ad_group_id,
        ad_id,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        cast(null as decimal(18, 6)) as conversions,
        sum(spend) as spend_micros,
        cast(null as string) as currency,
        _business_date as dt
    from stated
    group by account_id, ad_id, _business_date

)

select * from ad_days
