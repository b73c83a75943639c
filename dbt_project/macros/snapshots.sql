{#-
  Snapshots beside those delivered before them, as two parts of a `with`: `listed` has the rows of
  each run date's snapshot, `listed_before` those of the one before it. A date without a snapshot
  says nothing about what is gone.
-#}
{% macro listed_and_before(snapshots) -%}
    runs as (

        select * from {{ run_dates() }}

    ),

    listed as (

        select
            snapshots.* except (dt),
            runs.dt
        from runs
        inner join {{ snapshots }} as snapshots on snapshots.dt = runs.dt

    ),

    listed_before as (

        select
            snapshots.* except (dt),
            runs.dt
        from runs
        inner join {{ snapshots }} as snapshots on snapshots.dt = runs.previous_dt
        where runs.dt in (select dt from listed)

    )
{%- endmacro %}
