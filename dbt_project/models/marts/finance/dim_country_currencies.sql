{{ config(partition_by=[]) }}

with countries as (

    select * from {{ ref('stg_country_codes__countries') }}

),

places as (

    -- More currencies than any country has; a test counts the commas.
    select * from (values (1), (2), (3), (4), (5)) as places (place)

),

tender as (

    select
        countries.country_code,
        split_part(countries.currency_codes, ',', places.place) as currency,
        lpad(split_part(countries.currency_numeric_codes, ',', places.place), 3, '0') as numeric_code,
        split_part(countries.currency_names, ',', places.place) as currency_name,
        cast(nullif(split_part(countries.currency_minor_units, ',', places.place), '') as int) as exponent,
        places.place = 1 as is_first
    from countries
    cross join places

),

currencies as (

    select
        country_code,
        currency,
        numeric_code,
        currency_name,
        exponent,
        is_first
    from tender
    where currency <> ''

)

select * from currencies
