with landed as (

    select
        *,
        'bts' as policy
    from {{ source('open_bandit', 'impressions_bts') }}

    union all

    select
        *,
        'random' as policy
    from {{ source('open_bandit', 'impressions_random') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['policy', 'impression_number']) }} as row_rank
    from landed
    where _business_date in (select dt from {{ run_dates() }})

),

impressions as (

    select
        policy,
        impression_number,
        item_id,
        position,
        user_feature_0,
        user_feature_1,
        user_feature_2,
        user_feature_3,
        array(
            {%- for n in range(34) %}
            affinity_{{ n }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) as item_affinities,
        propensity_score,
        is_clicked,
        shown_at,
        _business_date as dt
    from ranked
    where row_rank = 1

)

select * from impressions
