{{ config(partition_by=[]) }}

with latest as (

    select * from {{ source('olist', 'product_category_translations') }}

),

translations as (

    select
        product_category_name as category,
        product_category_name_english as category_english
    from latest

)

select * from translations
