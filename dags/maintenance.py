"""Keep ledger, metastore and Airflow in agreement, every 15 minutes.

`reconcile` resolves publications that a crash left open; `wake` posts wake-ups that no run has
followed, because a DAG was paused or a task died after publishing; `watch` alerts on what stays
stale for hours.

Reads    ops.* of the ledger, the metastore, Airflow's runs
Writes   pointers of published tables where they differ from the ledger; asset events; alerts
Gate     none: nothing is built here
Re-run   any time; each task looks at the present state only
"""

from datetime import UTC, datetime

from airflow.sdk import DAG, CronTriggerTimetable, task

from orchestration.alerts import default_args
from orchestration.declared import START, systems

with DAG(
    dag_id="maintenance",
    schedule=CronTriggerTimetable("*/15 * * * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=default_args("platform"),
    tags=["impact/tier_1", "domain/finance"],
    doc_md=__doc__,
) as dag:

    @task
    def reconcile() -> None:
        """Repair what differs from the ledger."""
        from countinghouse.publishing.reconcile import reconcile as repair
        from countinghouse.settings import load

        print(*repair(load()), sep="\n")

    @task(trigger_rule="all_done")
    def wake() -> None:
        """Post the wake-ups that no run has followed."""
        from countinghouse.ledger import open_ledger
        from countinghouse.services.airflow_api import AirflowApi
        from countinghouse.settings import load
        from orchestration import upkeep

        ledger, api = open_ledger(load()), AirflowApi(load())
        for system in systems():
            print(f"{system.name}: {upkeep.wake(system.name, ledger, api)}")

    @task(trigger_rule="all_done")
    def watch() -> None:
        """Alert on what has been stale for too long."""
        from countinghouse.settings import load
        from orchestration import upkeep

        print(upkeep.watch(load(), datetime.now(UTC)))

    reconcile() >> wake() >> watch()
