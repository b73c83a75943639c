"""Land one closed day of a source system and publish what passes its gate.

Waits for the day's deliveries until their deadline, publishes what has come, and emits one
partition of the asset `touched.<system>` for each business date that changed. `settle` fails,
with an alert that names feed, date and rule, when something was refused, blocked or missing.

Reads    landing/<system>/*, complete deliveries only
Writes   raw, quarantine and staging tables of the system
Gate     the contract's default suite and the expectations of each feed, then the dbt tests of
         staging; a failed batch stays invisible and the last good version stays
Re-run   any day, in any order, any number of times:
         airflow backfill create --dag-id ingest_<system> --from-date D --to-date D
"""

from airflow.sdk import DAG, Asset, get_current_context, task

from orchestration.alerts import default_args, fail_loudly
from orchestration.declared import START, System, closed_day, systems, touched
from orchestration.work import ingest_day


def ingest_dag(system: System) -> DAG:
    """The DAG of one declared system."""
    asset: Asset = touched(system.name)

    with DAG(
        dag_id=f"ingest_{system.name}",
        schedule=closed_day(),
        start_date=START,
        catchup=False,
        max_active_runs=3,
        default_args=default_args(system.team),
        tags=[f"impact/tier_{system.tier}", f"domain/{system.domain}"],
        doc_md=__doc__.replace("<system>", system.name),
    ) as dag:

        @task.sensor(
            mode="reschedule", poke_interval=300, outlets=[asset], max_active_tis_per_dag=1
        )
        def ingest() -> object:
            """Wait for the deliveries, then land, stage, gate and publish them."""
            return ingest_day(system.name, asset, get_current_context())

        @task(retries=0)
        def settle(problems: list[dict[str, object]]) -> None:
            """Fail by name for what was refused, blocked or missing."""
            fail_loudly(problems)

        settle(ingest())
    return dag


for declared in systems():
    globals()[f"ingest_{declared.name}"] = ingest_dag(declared)
