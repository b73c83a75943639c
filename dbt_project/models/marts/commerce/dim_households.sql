{{ config(partition_by=[]) }}

with households as (

    select * from {{ ref('stg_completejourney__households') }}

),

described as (

    select
        cast(household_id as string) as household_id,
        age_band,
        income_band,
        home_ownership,
        marital_status,
        household_size,
        household_composition,
        kids_count
    from households

)

select * from described
