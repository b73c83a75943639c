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
            sum(case when snapshots.dt = run_dates.dt then 1 else -1 end * ({{ amount }})) as measure_{{ loop.index }}
            {%- endfor %}
        from run_dates
        inner join {{ snapshots }} as snapshots
            on snapshots.dt = run_dates.dt or snapshots.dt = run_dates.previous_dt
        group by run_dates.dt
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
        landed.measure_{{ loop.index }} as landed_{{ loop.index }},
        changed.measure_{{ loop.index }} as changed_{{ loop.index }}
        {%- endfor %}
    from run_dates
    left join landed on landed.dt = run_dates.dt
    left join changed on changed.dt = run_dates.dt
    where
        {%- for amount in measures %}
        coalesce(landed.measure_{{ loop.index }}, 0) <> coalesce(changed.measure_{{ loop.index }}, 0)
        {{- ' or' if not loop.last }}
        {%- endfor %}
{% endtest %}
