with landed as (

    select * from {{ source('amazon_ads', 'targeting_keyword_report') }}

),

stated as (

    select * from {{ restated('landed') }}

),

keyword_days as (

    select
        cast(null as string) as account_id,
        campaign_id,
        ad_group_id,
        keyword_id,
        targeting as keyword_text,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        cast(null as decimal(18, 6)) as conversions,
        sum({{ micros('cost') }}) as spend_micros,
        campaign_budget_currency_code as currency,
        _business_date as dt
    from stated
    group by
        campaign_id,
        ad_group_id,
        keyword_id,
        targeting,
        campaign_budget_currency_code,
        _business_date

)

select * from keyword_days
