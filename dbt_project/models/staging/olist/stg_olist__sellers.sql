{{ config(partition_by=[]) }}

with latest as (

    select * from {{ source('olist', 'sellers') }}

),

sellers as (

    select
        seller_id,
        lpad(seller_zip_code_prefix, 5, '0') as zip_code_prefix,
        -- One seller typed an e-mail address, which nobody needs.
        if(seller_city like '%@%', null, seller_city) as city,
        seller_state as state
    from latest

)

select * from sellers
