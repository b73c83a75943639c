{#- What a model reads. The planner finds the same calls in the SQL (countinghouse/dbt/dbt_edges.py). -#}

{#-
  The dates to build now: `dt`; `previous_dt`, the snapshot delivered before it (or null);
  `restated_by`, the newest delivery of a restated report that states it (or null).
-#}
{% macro run_dates() -%}
    {{ run_dates_of((model.get('tested_node_unique_id') or model.unique_id).split('.')[2]) }}
{%- endmacro %}


{#- The same, for another model: in tests. -#}
{% macro run_dates_of(model_name) -%}
    (select dt, previous_dt, restated_by from {{ source('plan', 'run_dates') }} where model = '{{ model_name }}')
{%- endmacro %}


{#-
  The rows of a restated report that count: of each run date those that the newest delivery has
  stated, of several on one day those of the last. A test names the `run_dates_of` its model.
-#}
{% macro restated(landed, runs=none) -%}
    (
        select sequences.* except (_newest)
        from (select *, max(_delivery_sequence) over (partition by dt) as _newest from {{ landed }}) as sequences
        inner join {{ runs or run_dates() }} as runs
            on sequences._business_date = runs.dt and sequences.dt = runs.restated_by
        where sequences._delivery_sequence = sequences._newest
    )
{%- endmacro %}


{#-
  The rows of a feed whose keys move between dates, once for each run date that reads them as
  `_run_dt`: a row counts where it is the newest of its key and `_business_date = _run_dt`.
-#}
{% macro moving(landed, days) -%}
    (
        select landed.*, runs.dt as _run_dt
        from {{ landed }} as landed
        inner join {{ run_dates() }} as runs
            on landed.dt between
                cast(date_sub(cast(runs.dt as date), 1) as string)
                and cast(date_add(cast(runs.dt as date), {{ days }}) as string)
    )
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
