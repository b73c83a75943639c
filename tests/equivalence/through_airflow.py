"""The same warehouse with its builds made by Airflow: backfills, re-runs, a killed scheduler.

A step's selection and gate are Airflow's own: what has come is ingested, and the marts are woken.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from equivalence import through_engine
from equivalence.equal import Contents
from equivalence.small_shop import Rows
from equivalence.steps import Build, Key
from equivalence.through_engine import SYSTEM, ThroughEngine

INGEST, MARTS, REBUILD = f"ingest_{SYSTEM}", "marts_commerce", "rebuild_commerce"
AGAIN = ("--reprocess-behavior", "completed")
# After the first task of a run has begun: it is landing or building.
_KILLED_AFTER = 5
_QUIET = 5


class ThroughAirflow(ThroughEngine):
    """Steps on an installation whose Airflow runs."""

    def __init__(self, airflow: Any, warehouse: ThroughEngine) -> None:
        super().__init__(warehouse.settings, warehouse.folder)
        self.airflow = airflow
        self.waiting: set[str] = set()

    def deliver(self, key: Key, rows: Rows) -> None:
        super().deliver(key, rows)
        self.waiting.add(key[1])

    def run(self, build: Build) -> None:
        """Backfill the step's dates, or those of what has come since the last run."""
        dates = [build.first, build.last] if build.first else sorted(self.waiting)
        if not dates:
            return
        self.waiting.clear()
        self.airflow.backfill(INGEST, dates[0], dates[-1], *AGAIN)
        if build.killed:
            self._kill_the_scheduler()
        self._wait_until_quiet(INGEST)
        if build.forced:
            self.airflow.backfill(REBUILD, dates[0], dates[-1], *AGAIN)
            self._wait_until_quiet(REBUILD)
        self._wait_until_quiet(MARTS)

    def settled(self) -> Contents:
        for dag_id in (INGEST, MARTS, REBUILD):
            self.airflow.pause(dag_id)
            self._wait_until_quiet(dag_id)
        return super().settled()

    def _kill_the_scheduler(self) -> None:
        from running import wait_for

        wait_for(lambda: self._states(INGEST) & {"running"}, f"{INGEST} to run")
        time.sleep(_KILLED_AFTER)
        self.airflow.kill("scheduler")
        self.airflow.wait_until_healthy("scheduler")

    def _wait_until_quiet(self, dag_id: str) -> None:
        """Until the DAG has had no run in progress for a while, and no open backfill."""
        from running import DONE, wait_for

        self.airflow.wait_until_closed(dag_id)
        since = time.monotonic()

        def quiet() -> bool:
            nonlocal since
            if self._states(dag_id) - {*DONE}:
                since = time.monotonic()
            return time.monotonic() - since > _QUIET

        wait_for(quiet, f"{dag_id} to be quiet", lambda: str(self.airflow.states(dag_id)))

    def _states(self, dag_id: str) -> set[str]:
        # The scheduler's own run is of yesterday, and waits for what nobody delivers.
        runs = [run for run in self.airflow.runs(dag_id) if run["run_type"] != "scheduled"]
        return {run["state"] for run in runs}


@contextmanager
def installed() -> Iterator[ThroughAirflow]:
    """An installation that has never seen a delivery, with an Airflow of its own."""
    with through_engine.installed() as warehouse:
        project = warehouse.settings.project
        sys.path[:0] = [str(project / "tests" / "dags"), str(project / "dags")]
        from running import running_airflow

        with running_airflow(warehouse.settings) as airflow:
            for dag_id in (INGEST, MARTS, REBUILD):
                airflow.pause(dag_id, False)
            yield ThroughAirflow(airflow, warehouse)
