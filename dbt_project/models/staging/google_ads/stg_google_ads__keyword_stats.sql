with landed as (

    select * from {{ source('google_ads', 'keyword_stats') }}

),

stated as (

    select * from {{ restated('landed') }}

),

keyword_days as (

    select
        customer_id as account_id,
        campaign_id,
        ad_group_id,
        ad_group_criterion_criterion_id as keyword_id,
        cast(null as string) as keyword_text,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        cast(sum(conversions) as decimal(18, 6)) as conversions,
        sum(cost_micros) as spend_micros,
        cast(null as string) as currency,
        _business_date as dt
    from stated
    group by
        customer_id,
        campaign_id,
        ad_group_id,
        ad_group_criterion_criterion_id,
        _business_date

)

select * from keyword_days
