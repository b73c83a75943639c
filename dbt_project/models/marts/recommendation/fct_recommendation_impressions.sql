with shop_impressions as (

    select * from {{ ref('stg_open_bandit__impressions') }}
    where dt in (select dt from {{ run_dates() }})

),

impressions as (

    select
        'open_bandit' as source_system,
        policy,
        cast(impression_number as string) as impression_id,
        {{ surrogate_key(["'open_bandit'", 'item_id']) }} as item_key,
        cast(item_id as string) as item_id,
        position,
        user_feature_0,
        user_feature_1,
        user_feature_2,
        user_feature_3,
        -- Articles are numbered from 0, elements from 1.
        element_at(item_affinities, item_id + 1) as item_affinity,
        item_affinities,
        propensity_score,
        cast(1 / propensity_score as decimal(18, 6)) as inverse_propensity_weight,
        is_clicked,
        shown_at,
        dt
    from shop_impressions

)

select * from impressions
