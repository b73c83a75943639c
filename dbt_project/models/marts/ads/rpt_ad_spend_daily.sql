with performance as (

    select * from {{ ref('fct_ad_performance_daily') }}
    where dt in (select dt from {{ run_dates() }})

),

totals as (

    select
        source_system,
        currency,
        count(distinct ad_id) as ad_count,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        cast(sum(conversions) as decimal(18, 6)) as conversions,
        sum(spend_micros) as spend_micros,
        dt
    from performance
    group by source_system, currency, dt

),

spend as (

    select
        source_system,
        currency,
        ad_count,
        impressions,
        clicks,
        conversions,
        {{ major_units('spend_micros', 6) }} as spend,
        {{ ratio('clicks', 'impressions') }} as click_rate,
        {{ ratio('spend_micros', 'clicks * 1000000') }} as cost_per_click,
        dt
    from totals

)

select * from spend
