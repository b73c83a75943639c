{{ config(partition_by=[]) }}

with paths as (

    select * from {{ ref('stg_channel_paths__paths') }}

),

totals as (

    select
        path,
        count(*) as record_count,
        sum(conversions) as conversions,
        cast(sum(conversion_value) as decimal(28, 17)) as conversion_value,
        sum(lost) as lost
    from paths
    group by path

),

described as (

    select
        'channel_paths' as source_system,
        path,
        regexp_extract(path, '^[^ ]+', 0) as first_channel,
        regexp_extract(path, '[^ ]+$', 0) as last_channel,
        cast(size(split(path, ' > ')) as bigint) as touch_count,
        record_count,
        conversions,
        conversion_value,
        lost
    from totals

)

select * from described
