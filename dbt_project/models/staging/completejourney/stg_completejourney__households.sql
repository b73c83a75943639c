{{ config(partition_by=[]) }}

with latest as (

    select * from {{ source('completejourney', 'households') }}

),

households as (

    select
        household_id,
        age as age_band,
        income as income_band,
        home_ownership,
        marital_status,
        household_size,
        household_comp as household_composition,
        kids_count
    from latest

)

select * from households
