{#-
  Every landed row of a date is staged or rejected: rows, and each of `amounts`
  (an expression over the landed row: the column that it became in both models).
-#}
{% test conserved(model, landed, rejected, amounts={}) %}
    {%- set measures = {'1': '1'} -%}
    {%- do measures.update(amounts) -%}

    with run_dates as (select dt from {{ tested_dates() }}),
    landed as (
        select
            _business_date as dt
            {%- for amount in measures %},
            sum({{ amount }}) as measure_{{ loop.index }}
            {%- endfor %}
        from {{ landed }}
        where _business_date in (select dt from run_dates)
        group by _business_date
    ),

    accounted as (
        select
            dt
            {%- for column in measures.values() %},
            sum({{ column }}) as measure_{{ loop.index }}
            {%- endfor %}
        from (
            select dt{% for c in amounts.values() %}, {{ c }}{% endfor %} from {{ model }}
            union all
            select dt{% for c in amounts.values() %}, {{ c }}{% endfor %} from {{ rejected }}
        )
        where dt in (select dt from run_dates)
        group by dt
    )

    select
        run_dates.dt
        {%- for amount in measures %},
        landed.measure_{{ loop.index }} as landed_{{ loop.index }},
        accounted.measure_{{ loop.index }} as accounted_{{ loop.index }}
        {%- endfor %}
    from run_dates
    left join landed on landed.dt = run_dates.dt
    left join accounted on accounted.dt = run_dates.dt
    where
        {%- for amount in measures %}
        coalesce(landed.measure_{{ loop.index }}, 0) <> coalesce(accounted.measure_{{ loop.index }}, 0)
        {{- ' or' if not loop.last }}
        {%- endfor %}
{% endtest %}
