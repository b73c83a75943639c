{#- What a model reads. The planner finds the same calls in the SQL (countinghouse/dbt/dbt_edges.py). -#}

{#- The dates to build now: `dt` and `previous_dt`, the snapshot delivered before it (or null). -#}
{% macro run_dates() -%}
    {{ run_dates_of((model.get('tested_node_unique_id') or model.unique_id).split('.')[2]) }}
{%- endmacro %}


{#- The same, for another model: in tests. -#}
{% macro run_dates_of(model_name) -%}
    (select dt, previous_dt from {{ source('plan', 'run_dates') }} where model = '{{ model_name }}')
{%- endmacro %}


{#- A parent's partitions from `days` before each run date up to it. -#}
{% macro history(model_name, days) -%}
    {{ ref(model_name) }}
{%- endmacro %}


{#- A dimension with history: intervals `valid_from <= dt < valid_to`. -#}
{% macro as_of(model_name) -%}
    {{ ref(model_name) }}
{%- endmacro %}


{#- A dimension with history before this run: its open intervals and the months that the run touches. -#}
{% macro previous_state() -%}
    {{ source('plan', (model.get('tested_node_unique_id') or model.unique_id).split('.')[2] ~ '__previous') }}
{%- endmacro %}
