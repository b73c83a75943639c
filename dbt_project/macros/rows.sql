{#-
  1 for the row of a key that counts on its business date: greatest version, then the latest
  delivered: by delivery date and sequence, which a correction keeps. Within the date, so that the
  result does not depend on which dates one run builds.
-#}
{% macro winner_rank(keys, version_column=none) -%}
    row_number() over {{ newest_first(keys, version_column) }}
{%- endmacro %}


{#-
  Why a row is not the winner of its key: `duplicate` says the same, `conflict` says something
  else in the same delivery and version, `superseded` is older. `columns`: all that the source sends.
-#}
{% macro reject_reason(keys, columns, version_column=none) -%}
    {%- set content = 'struct(' ~ columns | join(', ') ~ ')' -%}
    {%- set age = 'struct(_delivery' ~ (', ' ~ version_column if version_column else '') ~ ')' -%}
    case
        when {{ content }} is not distinct from first_value({{ content }}) over {{ newest_first(keys, version_column) }}
            then 'duplicate'
        when {{ age }} is not distinct from first_value({{ age }}) over {{ newest_first(keys, version_column) }}
            then 'conflict'
        else 'superseded'
    end
{%- endmacro %}


{% macro newest_first(keys, version_column=none) -%}
    (
        partition by _business_date, {{ keys | join(', ') }}
        order by
            {%- if version_column %}
            {{ version_column }} desc nulls last,
            {%- endif %}
            dt desc, _delivery_sequence desc, _delivery desc, _row_number desc
    )
{%- endmacro %}


{#- The calendar day of an instant in a zone. -#}
{% macro business_date(instant, zone) -%}
    date_format(from_utc_timestamp({{ instant }}, '{{ zone }}'), 'yyyy-MM-dd')
{%- endmacro %}


{#-
  A key that is the same in every run and model, from values that may be null; 64 bits as text,
  because tools that read numbers as doubles would round a BIGINT. Uniqueness is tested per table.
-#}
{% macro surrogate_key(values) -%}
    left(md5(to_json(array(
        {%- for value in values -%}
            cast({{ value }} as string){{ ', ' if not loop.last }}
        {%- endfor -%}
    ))), 16)
{%- endmacro %}
