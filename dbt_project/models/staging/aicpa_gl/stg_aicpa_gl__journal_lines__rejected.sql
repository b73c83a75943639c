{%- set keys = ['journal_id', 'line_number'] -%}
{%- set content = [
    'line_text', 'business_unit', 'effective_date', 'fiscal_year', 'account_code', 'amount',
    'debit_credit', 'currency', 'header_text', 'document_type', 'entered_by', 'document_date',
    'entered_time', 'fiscal_period',
] -%}

with landed as (

    select * from {{ source('aicpa_gl', 'journal_lines') }}

),

ranked as (

    select
        *,
        {{ winner_rank(keys) }} as row_rank,
        {{ reject_reason(keys, content) }} as reason
    from landed
    where _business_date in (select dt from {{ run_dates() }})

),

rejected as (

    select
        journal_id,
        line_number,
        reason,
        {{ minor_units_of('amount') }} as amount_minor,
        currency,
        _delivery as delivery,
        _source_file as source_file,
        _row_number as row_number,
        dt as delivery_date,
        _business_date as dt
    from ranked
    where row_rank > 1

)

select * from rejected
