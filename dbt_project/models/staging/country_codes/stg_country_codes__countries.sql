{{ config(partition_by=[]) }}

with latest as (

    select * from {{ source('country_codes', 'countries') }}

),

countries as (

    select
        country_code,
        country_code_3,
        lpad(cast(numeric_code as string), 3, '0') as numeric_code,
        country_name,
        official_name,
        region,
        sub_region,
        capital,
        calling_code,
        currency_codes,
        currency_numeric_codes,
        currency_names,
        currency_minor_units,
        coalesce(independence = 'Yes', false) as is_independent
    from latest

)

select * from countries
