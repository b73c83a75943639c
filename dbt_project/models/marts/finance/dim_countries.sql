{{ config(partition_by=[]) }}

with countries as (

    select * from {{ ref('stg_country_codes__countries') }}

),

described as (

    select
        country_code,
        country_code_3,
        numeric_code,
        country_name,
        official_name,
        region,
        sub_region,
        capital,
        calling_code,
        is_independent
    from countries

)

select * from described
