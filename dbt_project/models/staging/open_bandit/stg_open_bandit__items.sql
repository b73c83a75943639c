{{ config(partition_by=[]) }}

with latest as (

    select * from {{ source('open_bandit', 'items') }}

),

items as (

    select
        item_id,
        item_feature_0,
        item_feature_1,
        item_feature_2,
        item_feature_3
    from latest

)

select * from items
