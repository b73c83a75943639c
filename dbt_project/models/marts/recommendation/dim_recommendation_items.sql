{{ config(partition_by=[]) }}

with items as (

    select * from {{ ref('stg_open_bandit__items') }}

),

described as (

    select
        {{ surrogate_key(["'open_bandit'", 'item_id']) }} as item_key,
        'open_bandit' as source_system,
        cast(item_id as string) as item_id,
        item_feature_0,
        item_feature_1,
        item_feature_2,
        item_feature_3
    from items

)

select * from described
