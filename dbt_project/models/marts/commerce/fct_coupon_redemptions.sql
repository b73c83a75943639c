with redemptions as (

    select * from {{ ref('stg_completejourney__redemptions') }}
    where dt in (select dt from {{ run_dates() }})

),

members as (

    select * from {{ ref('stg_completejourney__campaigns') }}

),

campaigns as (

    select * from {{ ref('stg_completejourney__campaign_descriptions') }}

),

campaign_coupons as (

    select distinct coupon_upc, campaign_id from {{ ref('stg_completejourney__coupons') }}

),

described as (

    select
        cast(redemptions.household_id as string) as household_id,
        redemptions.coupon_upc,
        redemptions.campaign_id,
        campaigns.campaign_type,
        members.household_id is not null as is_campaign_member,
        coalesce(
            redemptions.redemption_date between campaigns.start_date and campaigns.end_date, false
        ) as is_within_campaign,
        campaign_coupons.coupon_upc is not null as is_campaign_coupon,
        redemptions.redemption_date,
        redemptions.dt
    from redemptions
    left join members
        on
            redemptions.household_id = members.household_id
            and redemptions.campaign_id = members.campaign_id
    left join campaigns
        on redemptions.campaign_id = campaigns.campaign_id
    left join campaign_coupons
        on
            redemptions.coupon_upc = campaign_coupons.coupon_upc
            and redemptions.campaign_id = campaign_coupons.campaign_id

)

select * from described
