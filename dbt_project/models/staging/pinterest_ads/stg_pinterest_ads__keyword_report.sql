with landed as (

    select * from {{ source('pinterest_ads', 'keyword_report') }}

),

stated as (

    select * from {{ restated('landed') }}

),

keyword_days as (

    select
        advertiser_id as account_id,
        campaign_id,
        ad_group_id,
        keyword_id,
        cast(null as string) as keyword_text,
        sum(coalesce(impression_1, 0) + coalesce(impression_2, 0)) as impressions,
        sum(coalesce(clickthrough_1, 0) + coalesce(clickthrough_2, 0)) as clicks,
        cast(sum(total_conversions) as decimal(18, 6)) as conversions,
        sum(spend_in_micro_dollar) as spend_micros,
        cast(null as string) as currency,
        _business_date as dt
    from stated
    group by advertiser_id, campaign_id, ad_group_id, keyword_id, _business_date

)

select * from keyword_days
