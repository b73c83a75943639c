with landed as (

    select * from {{ source('completejourney', 'redemptions') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['household_id', 'coupon_upc', 'campaign_id', 'redemption_date']) }} as row_rank
    from landed
    where _business_date in (select dt from {{ run_dates() }})

),

redemptions as (

    select
        household_id,
        coupon_upc,
        campaign_id,
        redemption_date,
        _business_date as dt
    from ranked
    where row_rank = 1

)

select * from redemptions
