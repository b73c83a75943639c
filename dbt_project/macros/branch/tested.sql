{#-
  What a test looks at: of a daily model the run's dates only, because the branch also shows
  published ones. `where: "true"` in a test's config shows it all. A countinghouse build puts
  `daily_model` into the config of the tests of daily models (countinghouse/dbt/dbt_build.py).
-#}
{% macro spark__get_where_subquery(relation) -%}
    {%- set where = config.get('where') -%}
    {%- if not where and config.get('daily_model') -%}
        {%- set where = 'dt in (select dt from ' ~ tested_dates() ~ ')' -%}
    {%- endif -%}
    {%- if where -%}
        {#- Without dbt's alias: a test may give it one. -#}
        {%- do return('(select * from ' ~ relation ~ ' where ' ~ where ~ ')') -%}
    {%- endif -%}
    {%- do return(relation) -%}
{%- endmacro %}


{#- The dates to build of the tested model. -#}
{% macro tested_dates() -%}
    {{ run_dates_of(config.get('daily_model')) }}
{%- endmacro %}


{#- `dt, ` when the tested model has dates, so that a failing row says which date it blocks. -#}
{% macro failing_dt(aggregate=none) -%}
    {%- if config.get('daily_model') -%}
        {{ aggregate ~ '(dt) as dt, ' if aggregate else 'dt, ' }}
    {%- endif -%}
{%- endmacro %}
