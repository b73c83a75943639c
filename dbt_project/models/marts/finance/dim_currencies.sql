{{ config(partition_by=[]) }}

with tender as (

    select * from {{ ref('dim_country_currencies') }}

),

in_use as (

    select
        currency,
        numeric_code,
        currency_name,
        count(*) as country_count
    from tender
    group by currency, numeric_code, currency_name

),

listed as (

    -- ISO 4217 without a country in the source: Türkiye's, units of account, and what is historic.
    select *
    from (
        values
        ('ANG', '532', 'Netherlands Antillean Guilder'),
        ('BGN', '975', 'Bulgarian Lev'),
        ('BOV', '984', 'Mvdol'),
        ('CHE', '947', 'WIR Euro'),
        ('CHW', '948', 'WIR Franc'),
        ('CLF', '990', 'Unidad de Fomento'),
        ('COU', '970', 'Unidad de Valor Real'),
        ('CUC', '931', 'Peso Convertible'),
        ('CYP', '196', 'Cyprus Pound'),
        ('EEK', '233', 'Kroon'),
        ('HRK', '191', 'Kuna'),
        ('LTL', '440', 'Lithuanian Litas'),
        ('LVL', '428', 'Latvian Lats'),
        ('MTL', '470', 'Maltese Lira'),
        ('MXV', '979', 'Mexican Unidad de Inversion (UDI)'),
        ('ROL', '642', 'Old Leu'),
        ('SIT', '705', 'Tolar'),
        ('SKK', '703', 'Slovak Koruna'),
        ('SLL', '694', 'Leone (old)'),
        ('TRL', '792', 'Old Turkish Lira'),
        ('TRY', '949', 'Turkish Lira'),
        ('USN', '997', 'US Dollar (Next day)'),
        ('UYI', '940', 'Uruguay Peso en Unidades Indexadas (UI)'),
        ('ZWL', '932', 'Zimbabwe Dollar')
    ) as listed (currency, numeric_code, currency_name)

),

currencies as (

    select * from in_use

    union all

    select
        *,
        cast(0 as bigint) as country_count
    from listed
    where currency not in (select currency from in_use)

),

described as (

    select
        currency,
        numeric_code,
        currency_name,
        {{ currency_exponent('currency') }} as exponent,
        country_count
    from currencies

)

select * from described
