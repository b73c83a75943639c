{#-
  Adds the published partitions that other models of the plan read to the one just built,
  so that `ref()` and `history()` are the same relation. `pins` is in the manifest of a
  countinghouse build only.
-#}
{% macro add_pinned_partitions() -%}
    {%- if config.get('partition_by') and config.get('pins') -%}
        alter table {{ this }} add
        {%- for dt, location in config.get('pins').items() %}
        partition (dt = '{{ dt }}') location '{{ location }}'
        {%- endfor %}
    {%- endif -%}
{%- endmacro %}
