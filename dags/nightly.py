"""Collect garbage, and refresh dbt docs and Data Docs, once a night.

Reads    ops.* of the ledger, the version directories, the dbt project
Writes   removes versions, branches and leftovers that nothing needs; docs/dbt, docs/data_docs
Gate     none: `gc` keeps what a publication, hold, close or running query needs
Re-run   any time
"""

from airflow.sdk import DAG, CronTriggerTimetable, task

from orchestration.alerts import default_args
from orchestration.declared import START

with DAG(
    dag_id="nightly",
    schedule=CronTriggerTimetable("30 3 * * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=default_args("platform"),
    tags=["impact/tier_3", "domain/finance"],
    doc_md=__doc__,
) as dag:

    @task.short_circuit
    def anything_published() -> bool:
        """A new installation has nothing to collect and nothing to show."""
        from countinghouse.ledger import open_ledger, published
        from countinghouse.settings import load

        return bool(published.table_specs(open_ledger(load())))

    @task
    def garbage() -> None:
        """Remove what nothing needs any more."""
        from countinghouse.publishing.gc import collect
        from countinghouse.settings import load

        print(*collect(load(), dry_run=False), sep="\n")

    @task(trigger_rule="all_done")
    def dbt_docs() -> None:
        """Document the published tables."""
        from countinghouse.docs import generate_dbt_docs
        from countinghouse.settings import load

        print(generate_dbt_docs(load()))

    @task(trigger_rule="all_done")
    def data_docs() -> None:
        """Show the latest result of every gate, and recent failures."""
        from countinghouse.docs import generate_data_docs
        from countinghouse.settings import load

        print(generate_data_docs(load()))

    anything_published() >> garbage() >> dbt_docs() >> data_docs()
