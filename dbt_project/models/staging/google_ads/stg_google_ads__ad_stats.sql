with landed as (

    select * from {{ source('google_ads', 'ad_stats') }}

),

stated as (

    select
        *,
        nullif(regexp_extract(ad_group, 'adGroups/([0-9]+)', 1), '') as named_ad_group_id
    from {{ restated('landed') }}

),

ad_days as (

    select
        customer_id as account_id,
        campaign_id,
        coalesce(ad_group_id, named_ad_group_id) as ad_group_id,
        ad_id,
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
        coalesce(ad_group_id, named_ad_group_id),
        ad_id,
        _business_date

)

select * from ad_days
