{#-
  What a test looks at: of a daily model the run's dates only, because the branch also shows
  published ones. `where: "true"` in a test's config shows it all.
-#}
{% macro spark__get_where_subquery(relation) -%}
    {%- set where = config.get('where') -%}
    {%- if not where and execute and is_daily(relation) -%}
        {%- set where = 'dt in (select dt from ' ~ run_dates_of(relation.identifier) ~ ')' -%}
    {%- endif -%}
    {%- if where -%}
        {%- do return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') dbt_subquery') -%}
    {%- endif -%}
    {%- do return(relation) -%}
{%- endmacro %}


{% macro is_daily(relation) -%}
    {%- set found = graph.nodes.values()
        | selectattr('resource_type', 'equalto', 'model')
        | selectattr('alias', 'equalto', relation.identifier)
        | list -%}
    {%- do return(
        (found | length) == 1
        and found[0].config.get('partition_by')
        and not found[0].config.meta.get('history')
    ) -%}
{%- endmacro %}


{#- `dt, ` when the tested model has dates, so that a failing row says which date it blocks. -#}
{% macro failing_dt(aggregate=none) -%}
    {%- if execute -%}
        {%- set tested = graph.nodes.get(model.get('attached_node')) -%}
        {%- if tested and tested.config.get('partition_by') -%}
            {{ aggregate ~ '(dt) as dt, ' if aggregate else 'dt, ' }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{#- The dates to build of the tested model. -#}
{% macro tested_dates() -%}
    {{ run_dates_of(model.attached_node.split('.')[2]) }}
{%- endmacro %}


{% macro tested_is_daily() -%}
    {%- set tested = graph.nodes.get(model.get('attached_node')) if execute -%}
    {%- do return(
        tested and tested.config.get('partition_by') and not tested.config.meta.get('history')
    ) -%}
{%- endmacro %}
