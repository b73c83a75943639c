with landed as (

    select * from {{ source('aicpa_gl', 'journal_totals') }}

),

ranked as (

    select
        *,
        {{ winner_rank(['journal_id', 'debit_credit']) }} as row_rank
    from landed
    where _business_date in (select dt from {{ run_dates() }})

),

totals as (

    select
        journal_id,
        if(debit_credit = 'S', 'debit', 'credit') as debit_credit,
        total,
        lpad(entered_time, 6, '0') as entered_time,
        _business_date as dt
    from ranked
    where row_rank = 1

)

select * from totals
