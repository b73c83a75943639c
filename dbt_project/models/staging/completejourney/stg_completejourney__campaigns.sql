{{ config(partition_by=[]) }}

with latest as (

    select * from {{ source('completejourney', 'campaigns') }}

),

members as (

    select
        campaign_id,
        household_id
    from latest

)

select * from members
