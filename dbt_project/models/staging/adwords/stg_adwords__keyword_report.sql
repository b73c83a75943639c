with landed as (

    select * from {{ source('adwords', 'keyword_report') }}

),

stated as (

    select * from {{ restated('landed') }}

),

keyword_days as (

    select
        cast(null as string) as account_id,
        cast(null as string) as campaign_id,
        cast(null as string) as ad_group_id,
        keyword_id,
        keyword_string as keyword_text,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        cast(null as decimal(18, 6)) as conversions,
        cast(null as bigint) as spend_micros,
        cast(null as string) as currency,
        _business_date as dt
    from stated
    group by keyword_id, keyword_string, _business_date

)

select * from keyword_days
