"""Build whatever is stale in recommendation, woken by each business date that a delivery touched.

Reads    staging tables of open_bandit
Writes   intermediate.* and marts.* of recommendation
Gate     dbt tests and expectations of each table; a failed partition stays on its last good
         version, and so does what depends on it
Re-run   nothing to do: the ledger knows what is stale, and any next run takes all of it;
         to build dates again, see rebuild_recommendation
"""

from airflow.sdk import DAG, PartitionedAssetTimetable, StartOfDayMapper, get_current_context, task

from orchestration.alerts import default_args
from orchestration.declared import START, touched
from orchestration.work import build_domain

with DAG(
    dag_id="marts_recommendation",
    schedule=PartitionedAssetTimetable(
        assets=touched("open_bandit"),
        default_partition_mapper=StartOfDayMapper(input_format="%Y-%m-%d"),
    ),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=default_args("recommendation-data"),
    tags=["impact/tier_1", "domain/recommendation"],
    doc_md=__doc__,
) as dag:

    @task
    def build() -> None:
        """Take everything stale in the domain that nobody holds, in one pass."""
        build_domain("recommendation", get_current_context())

    build()
