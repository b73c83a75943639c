{{ config(partition_by=[]) }}

with latest as (

    select * from {{ source('channel_paths', 'paths') }}

),

paths as (

    select
        _source_file as source_file,
        _row_number as row_number,
        path,
        total_conversions as conversions,
        total_conversion_value as conversion_value,
        total_null as lost
    from latest

)

select * from paths
