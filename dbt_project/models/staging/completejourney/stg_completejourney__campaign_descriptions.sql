{{ config(partition_by=[]) }}

with latest as (

    select * from {{ source('completejourney', 'campaign_descriptions') }}

),

campaigns as (

    select
        campaign_id,
        campaign_type,
        start_date,
        end_date
    from latest

)

select * from campaigns
