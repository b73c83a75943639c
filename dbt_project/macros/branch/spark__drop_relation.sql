{#-
  dbt drops a table before it makes it; a branch is new, and a published table is never dropped.
  What else it drops are the views of unit tests.
-#}
{% macro spark__drop_relation(relation) -%}
    {%- if not relation.is_table -%}
        {%- call statement('drop_relation', auto_begin=False) -%}
            drop {{ relation.type }} if exists {{ relation }}
        {%- endcall -%}
    {%- endif -%}
{%- endmacro %}
