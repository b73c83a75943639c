"""Watches a backfill until its runs have ended, or cannot."""

import time
from collections.abc import Callable, Sequence

from countinghouse.backfills.in_airflow import AirflowBackfills, Backfill
from countinghouse.backfills.outcome import DateRun, Outcome, outcome
from countinghouse.backfills.request import BackfillRefused, Request

POLL_SECONDS = 2.0
# The scheduler looks for ended backfills every 30 s, when it has the time.
CLOSING_SECONDS = 120.0
Seen = Callable[[Sequence[DateRun]], None]


def follow(
    airflow: AirflowBackfills,
    request: Request,
    backfill: Backfill,
    seen: Seen,
    *,
    poll: float = POLL_SECONDS,
) -> Outcome:
    """Poll until every run has ended, then compare with the dates asked for.

    `seen` is called with the state of all dates in each round. Raises BackfillRefused when
    somebody pauses the DAG meanwhile: its runs would wait for ever.
    """
    while True:
        runs = airflow.runs(backfill.backfill_id)
        seen(runs)
        # Airflow shows a backfill before it shows its runs.
        if all(run.ended for run in runs) and (runs or not _active(airflow, request.dag_id)):
            return outcome(request.dates, runs, airflow.standing(request.dag_id, request.dates))
        waiting = any(run.state == "queued" for run in runs)
        if waiting and airflow.paused(request.dag_id):
            raise BackfillRefused(
                f"{request.dag_id} has been paused: runs of the backfill wait",
                remedy=f"{unpause(request.dag_id)}, then countinghouse backfill"
                f" {request.dag_id} --watch",
            )
        time.sleep(poll)


def _active(airflow: AirflowBackfills, dag_id: str) -> bool:
    newest = airflow.newest(dag_id)
    return newest is not None and newest.active


def unpause(dag_id: str) -> str:
    """The command that lets a DAG run."""
    return f"countinghouse airflow dags unpause {dag_id}"


def refuse_paused(airflow: AirflowBackfills, dag_id: str) -> None:
    """Raise BackfillRefused for a paused DAG: Airflow would enqueue its runs and start none."""
    if airflow.paused(dag_id):
        raise BackfillRefused(
            f"{dag_id} is paused: Airflow would enqueue the runs and never start them",
            remedy=unpause(dag_id),
        )


def refuse_second(
    airflow: AirflowBackfills,
    dag_id: str,
    *,
    patience: float = CLOSING_SECONDS,
    poll: float = POLL_SECONDS,
) -> None:
    """Raise BackfillRefused while another backfill of the DAG works: Airflow has one each.

    One whose runs have ended is waited for: Airflow's scheduler closes it in its own time.
    """
    end = time.monotonic() + patience
    while (newest := airflow.newest(dag_id)) is not None and newest.active:
        runs = airflow.runs(newest.backfill_id)
        if any(not run.ended for run in runs) or not runs or time.monotonic() > end:
            raise BackfillRefused(
                f"a backfill of {dag_id} from {newest.first} to {newest.last} is active",
                remedy=f"countinghouse backfill {dag_id} --watch, or end it with"
                f" countinghouse backfill {dag_id} --cancel",
            )
        time.sleep(poll)
