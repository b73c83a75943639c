with landed as (

    select * from {{ source('apple_search', 'ad_report') }}

),

stated as (

    select * from {{ restated('landed') }}

),

ad_days as (

    select
        cast(null as string) as account_id,
        campaign_id,
        ad_group_id,
        ad_id,
        sum(impressions) as impressions,
        sum(taps) as clicks,
        cast(sum(conversions) as decimal(18, 6)) as conversions,
        sum({{ micros('local_spend_amount') }}) as spend_micros,
        local_spend_currency as currency,
        _business_date as dt
    from stated
    group by campaign_id, ad_group_id, ad_id, local_spend_currency, _business_date

)

select * from ad_days
