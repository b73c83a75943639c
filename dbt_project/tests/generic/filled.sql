{#- None of the columns is null; one scan for all of them. -#}
{% test filled(model, columns) %}
    select {{ failing_dt() }}{{ columns | join(', ') }}
    from {{ model }}
    where {{ columns | join(' is null or ') }} is null
{% endtest %}
