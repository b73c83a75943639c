{#-
  What the changes of a date say, less what they withdraw, is what its snapshot holds, less what the
  one before it held: rows, and each of `amounts` (an expression over the landed row: the column that
  it became).
-#}
{% test snapshot_changes_add_up(model, snapshots, amounts={}) %}
    {%- set measures = {'1': '1'} -%}
    {%- do measures.update(amounts) -%}

    with run_dates as (
        select * from {{ tested_dates() }}
        where dt in (select dt from {{ snapshots }})
    ),

    landed as (
        select
            run_dates.dt
            {%- for amount in measures %},
            {{ amount }} as measure_{{ loop.index }}
            {%- endfor %}
        from run_dates
        inner join {{ snapshots }} as snapshots on snapshots.dt = run_dates.dt

        union all

        select
            run_dates.dt
            {%- for amount in measures %},
            -({{ amount }}) as measure_{{ loop.index }}
            {%- endfor %}
        from run_dates
        inner join {{ snapshots }} as snapshots on snapshots.dt = run_dates.previous_dt
    ),

    expected as (
        select
            dt
            {%- for amount in measures %},
            sum(measure_{{ loop.index }}) as measure_{{ loop.index }}
            {%- endfor %}
        from landed
        group by dt
    ),

    changed as (
        select
            dt
            {%- for column in measures.values() %},
            sum(case when is_withdrawn then -1 else 1 end * {{ column }}) as measure_{{ loop.index }}
            {%- endfor %}
        from {{ model }}
        group by dt
    )

    select
        run_dates.dt
        {%- for amount in measures %},
        expected.measure_{{ loop.index }} as expected_{{ loop.index }},
        changed.measure_{{ loop.index }} as changed_{{ loop.index }}
        {%- endfor %}
    from run_dates
    left join expected on expected.dt = run_dates.dt
    left join changed on changed.dt = run_dates.dt
    where
        {%- for amount in measures %}
        coalesce(expected.measure_{{ loop.index }}, 0) <> coalesce(changed.measure_{{ loop.index }}, 0)
        {{- ' or' if not loop.last }}
        {%- endfor %}
{% endtest %}
