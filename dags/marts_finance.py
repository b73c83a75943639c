"""Build whatever is stale in finance, woken by each business date that a delivery touched.

Reads    staging tables of aicpa_gl, country_codes and ecb_fx
Writes   intermediate.* and marts.* of finance
Gate     dbt tests and expectations of each table; a failed partition stays on its last good
         version, and so does what depends on it
Re-run   nothing to do: the ledger knows what is stale, and any next run takes all of it;
         to build dates again, see rebuild_finance
"""

from airflow.sdk import DAG, PartitionedAssetTimetable, StartOfDayMapper, get_current_context, task

from orchestration.alerts import default_args
from orchestration.declared import START, touched
from orchestration.work import build_domain

with DAG(
    dag_id="marts_finance",
    schedule=PartitionedAssetTimetable(
        assets=touched("aicpa_gl") | touched("country_codes") | touched("ecb_fx"),
        default_partition_mapper=StartOfDayMapper(input_format="%Y-%m-%d"),
    ),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=default_args("finance-data"),
    tags=["impact/tier_1", "domain/finance"],
    doc_md=__doc__,
) as dag:

    @task
    def build() -> None:
        """Take everything stale in the domain that nobody holds, in one pass."""
        build_domain("finance", get_current_context())

    build()
