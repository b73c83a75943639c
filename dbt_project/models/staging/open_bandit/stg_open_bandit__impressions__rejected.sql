{%- set keys = ['policy', 'impression_number'] -%}
{%- set content = [
    'shown_at', 'item_id', 'position', 'is_clicked', 'propensity_score', 'user_feature_0',
    'user_feature_1', 'user_feature_2', 'user_feature_3', 'item_affinities',
] -%}

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

impressions as (

    select
        *,
        array(
            {%- for n in range(34) %}
            affinity_{{ n }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) as item_affinities
    from landed
    where _business_date in (select dt from {{ run_dates() }})

),

ranked as (

    select
        *,
        {{ winner_rank(keys) }} as row_rank,
        {{ reject_reason(keys, content) }} as reason
    from impressions

),

rejected as (

    select
        policy,
        impression_number,
        reason,
        is_clicked,
        _delivery as delivery,
        _source_file as source_file,
        _row_number as row_number,
        dt as delivery_date,
        _business_date as dt
    from ranked
    where row_rank > 1

)

select * from rejected
