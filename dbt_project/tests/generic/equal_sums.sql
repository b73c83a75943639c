{#-
  The model's total of each column equals that of the relation it was made from, per `by`.
  `columns` maps an expression over the model to one over `source_model`; `1: 1` counts rows.
  `within` is the largest difference that a source's own rounding explains.
-#}
{% test equal_sums(model, source_model, columns, by=['dt'], source_where='true', within=0) %}
    {%- set keys = by | join(', ') -%}
    with here as (
        select
            {{ keys }}
            {%- for column in columns %},
            sum({{ column }}) as total_{{ loop.index }}
            {%- endfor %}
        from {{ model }}
        group by {{ keys }}
    ),

    there as (
        select
            {{ keys }}
            {%- for column in columns.values() %},
            sum({{ column }}) as total_{{ loop.index }}
            {%- endfor %}
        from {{ source_model }}
        where
            {{ source_where }}
            {%- if config.get('daily_model') %}
            and dt in (select dt from {{ tested_dates() }})
            {%- endif %}
        group by {{ keys }}
    )

    select
        {{ keys }}
        {%- for column in columns %},
        here.total_{{ loop.index }},
        there.total_{{ loop.index }} as source_total_{{ loop.index }}
        {%- endfor %}
    from here
    full join there using ({{ keys }})
    where
        {%- for column in columns %}
        abs(coalesce(here.total_{{ loop.index }}, 0) - coalesce(there.total_{{ loop.index }}, 0)) > {{ within }}
        {{- ' or' if not loop.last }}
        {%- endfor %}
{% endtest %}
