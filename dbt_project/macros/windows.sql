{#-
  The days of a window, as a relation of `days_before`, 0 to `days`. Days of windows are joined on
  equality: a join on a range compares every row with every run date.
-#}
{% macro days_before(days) -%}
    (
        values {% for n in range(days + 1) %}({{ n }}){{ ', ' if not loop.last }}{% endfor %}
    ) as days (days_before)
{%- endmacro %}
