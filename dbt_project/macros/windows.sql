{#-
  Each date of `runs` as `run_dt` with every day of its window as `dt`, from `days` before it up to
  it. Windows are joined on the day: a join on a range compares every row with every run date.
-#}
{% macro windows(runs, days) -%}
    (
        select
            runs.dt as run_dt,
            cast(date_sub(cast(runs.dt as date), days.days_before) as string) as dt
        from {{ runs }} as runs
        cross join (
            values {% for n in range(days + 1) %}({{ n }}){{ ', ' if not loop.last }}{% endfor %}
        ) as days (days_before)
    )
{%- endmacro %}
