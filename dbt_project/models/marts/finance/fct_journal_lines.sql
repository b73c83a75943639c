with ledger_lines as (

    select * from {{ ref('stg_aicpa_gl__journal_lines') }}
    where dt in (select dt from {{ run_dates() }})

),

lines as (

    select
        'aicpa_gl' as source_system,
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
        debit_credit,
        amount_minor,
        currency,
        true as is_imported,
        document_date,
        effective_date,
        dt
    from ledger_lines

),

signed as (

    select
        *,
        if(debit_credit = 'debit', amount_minor, -amount_minor) as amount_signed_minor
    from lines

),

balanced as (

    select
        source_system,
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
        debit_credit,
        amount_minor,
        amount_signed_minor,
        currency,
        is_imported,
        sum(amount_signed_minor) over (
            partition by dt, source_system, journal_id, currency
        ) = 0 as is_balanced,
        document_date,
        effective_date,
        dt
    from signed

)

select * from balanced
