with landed as (

    select * from {{ source('aicpa_gl', 'journal_lines') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['journal_id', 'line_number']) }} as row_rank
    from landed
    where _business_date in (select dt from {{ run_dates() }})

),

lines as (

    select
        journal_id,
        line_number,
        account_code,
        business_unit,
        document_type,
        entered_by,
        line_text,
        header_text,
        fiscal_year,
        fiscal_period,
        if(debit_credit = 'S', 'debit', 'credit') as debit_credit,
        {{ minor_units_of('amount') }} as amount_minor,
        currency,
        document_date,
        effective_date,
        lpad(entered_time, 6, '0') as entered_time,
        _business_date as dt
    from ranked
    where row_rank = 1

)

select * from lines
