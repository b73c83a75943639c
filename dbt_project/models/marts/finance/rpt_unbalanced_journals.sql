with lines as (

    select * from {{ ref('fct_journal_lines') }}
    where dt in (select dt from {{ run_dates() }}) and not is_balanced

),

totals as (

    select
        source_system,
        journal_id,
        currency,
        min(document_type) as document_type,
        min(entered_by) as entered_by,
        min(header_text) as header_text,
        min(document_date) as document_date,
        count(*) as line_count,
        sum(if(debit_credit = 'debit', amount_minor, 0)) as debit_minor,
        sum(if(debit_credit = 'credit', amount_minor, 0)) as credit_minor,
        dt
    from lines
    group by source_system, journal_id, currency, dt

),

journals as (

    select
        source_system,
        journal_id,
        currency,
        document_type,
        entered_by,
        header_text,
        line_count,
        {{ major_units_of('debit_minor') }} as debit,
        {{ major_units_of('credit_minor') }} as credit,
        {{ major_units_of('debit_minor - credit_minor') }} as difference,
        document_date,
        dt
    from totals

)

select * from journals
