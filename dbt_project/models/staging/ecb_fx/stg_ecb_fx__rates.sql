{%- set currencies = [
    'USD', 'JPY', 'BGN', 'CYP', 'CZK', 'DKK', 'EEK', 'GBP', 'HUF', 'LTL', 'LVL', 'MTL', 'PLN',
    'ROL', 'RON', 'SEK', 'SIT', 'SKK', 'CHF', 'ISK', 'NOK', 'HRK', 'RUB', 'TRL', 'TRY', 'AUD',
    'BRL', 'CAD', 'CNY', 'HKD', 'IDR', 'ILS', 'INR', 'KRW', 'MXN', 'MYR', 'NZD', 'PHP', 'SGD',
    'THB', 'ZAR',
] -%}

with days as (

    select * from {{ source('ecb_fx', 'rates') }}
    where _business_date in (select dt from {{ run_dates() }})

),

quotes as (

    select
        stack(
            {{ currencies | length }}
            {%- for currency in currencies %},
            '{{ currency }}', {{ currency | lower }}
            {%- endfor %}
        ) as (currency, rate),
        _business_date as dt
    from days

),

rates as (

    select
        currency,
        rate,
        dt
    from quotes
    where rate is not null

)

select * from rates
