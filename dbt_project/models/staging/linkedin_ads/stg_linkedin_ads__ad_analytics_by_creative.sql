with landed as (

    select * from {{ source('linkedin_ads', 'ad_analytics_by_creative') }}

),

stated as (

    select * from {{ restated('landed') }}

),

ad_days as (

    select
        cast(null as string) as account_id,
        cast(null as string) as campaign_id,
        cast(null as string) as ad_group_id,
        creative_id as ad_id,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        cast(sum(external_website_conversions) as decimal(18, 6)) as conversions,
        sum({{ micros('cost_in_local_currency') }}) as spend_micros,
        cast(null as string) as currency,
        _business_date as dt
    from stated
    group by creative_id, _business_date

)

select * from ad_days
