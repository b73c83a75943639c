with landed as (

    select * from {{ source('twitter_ads', 'promoted_tweet_report') }}

),

stated as (

    select * from {{ restated('landed') }}

),

ad_days as (

    select
        account_id,
        cast(null as string) as campaign_id,
        cast(null as string) as ad_group_id,
        promoted_tweet_id as ad_id,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        cast(null as decimal(18, 6)) as conversions,
        sum(billed_charge_local_micro) as spend_micros,
        cast(null as string) as currency,
        _business_date as dt
    from stated
    group by account_id, promoted_tweet_id, _business_date

)

select * from ad_days
