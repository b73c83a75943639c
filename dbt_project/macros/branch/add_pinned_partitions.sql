{#-
  Adds the published partitions that other models of the plan read to the one just built,
  so that `ref()` and `history()` are the same relation.
-#}
{% macro add_pinned_partitions() -%}
    {%- if execute and config.get('partition_by') -%}
        {%- set pins = run_query(
            "select dt, location from " ~ source('plan', 'pins')
            ~ " where model = '" ~ model.name ~ "'"
        ) -%}
        {%- if pins | length -%}
            alter table {{ this }} add
            {%- for pin in pins %}
            partition (dt = '{{ pin[0] }}') location '{{ pin[1] }}'
            {%- endfor %}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
