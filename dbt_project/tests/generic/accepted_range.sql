{#- Values from `min` to `max`, both included; null passes. -#}
{% test accepted_range(model, column_name, min=none, max=none) %}
    select {{ failing_dt() }}{{ column_name }}
    from {{ model }}
    where
        false
        {%- if min is not none %} or {{ column_name }} < {{ min }}{% endif %}
        {%- if max is not none %} or {{ column_name }} > {{ max }}{% endif %}
{% endtest %}
