with landed as (

    select * from {{ source('apple_search', 'keyword_report') }}

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
        cast(null as string) as keyword_text,
        sum(impressions) as impressions,
        sum(taps) as clicks,
        cast(sum(conversions) as decimal(18, 6)) as conversions,
        sum({{ micros('local_spend_amount') }}) as spend_micros,
        local_spend_currency as currency,
        _business_date as dt
    from stated
    group by keyword_id, local_spend_currency, _business_date

)

select * from keyword_days
