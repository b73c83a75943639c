{#-
  A model is written once, to a fresh directory of its attempt, one file per date and 16 MB of rows.
  `attempt_root` is in the manifest of a countinghouse build only.
-#}
{% macro spark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if temporary -%}
        {{ create_temporary_view(relation, compiled_code) }}
    {%- else -%}
        {%- if config.get('contract').enforced -%}
            {{ get_assert_columns_equivalent(compiled_code) }}
            {%- set compiled_code = get_select_subquery(compiled_code) -%}
        {%- endif -%}
        create table {{ relation }}
        using parquet
        {{ 'partitioned by (dt)' if config.get('partition_by') }}
        location '{{ config.get('attempt_root') }}/{{ config.get('schema') }}.{{ model.alias }}'
        as
        select /*+ rebalance{{ '(dt)' if config.get('partition_by') }} */ *
        from ({{ compiled_code }})
    {%- endif -%}
{%- endmacro %}


{#- Stops `dbt run` typed by hand: what it makes nobody audits or publishes. -#}
{% macro refuse_published_target() -%}
    {%- if execute and not config.get('attempt_root') -%}
        {{ exceptions.raise_compiler_error(
            'models are built by `countinghouse build`, which publishes them after their tests'
        ) }}
    {%- endif -%}
{%- endmacro %}
