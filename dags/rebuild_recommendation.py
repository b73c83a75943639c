"""Build dates of recommendation again, stale or not: for backfills from the Airflow CLI.

The DAG never starts by itself: its schedule ends where it begins, which backfills ignore.

Reads    what the models of recommendation read
Writes   intermediate.* and marts.* of recommendation
Gate     as marts_recommendation; equal content publishes nothing
Re-run   airflow backfill create --dag-id rebuild_recommendation --from-date D --to-date E
         --reprocess-behavior completed
"""

from airflow.sdk import DAG, get_current_context, task

from orchestration.alerts import default_args
from orchestration.declared import START, closed_day
from orchestration.work import build_domain

with DAG(
    dag_id="rebuild_recommendation",
    schedule=closed_day(),
    start_date=START,
    end_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=default_args("recommendation-data"),
    tags=["impact/tier_2", "domain/recommendation"],
    doc_md=__doc__,
) as dag:

    @task(max_active_tis_per_dag=1)
    def rebuild() -> None:
        """Mark the date stale and build it."""
        build_domain("recommendation", get_current_context(), only_this_date=True)

    rebuild()
