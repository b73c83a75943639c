"""A running Airflow over an installation of its own, driven as a person would: CLI and REST."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote

from countinghouse.services import airflow
from countinghouse.services.child import Child, Component, State
from countinghouse.settings import Settings

# The triggerer is for waiting for people and for closes; nothing here defers.
NEEDED = ("api-server", "scheduler", "dag-processor")
ARGUMENTS = {"scheduler": ["--skip-serve-logs"]}
DONE = ("success", "failed")


@contextmanager
def running_airflow(settings: Settings) -> Iterator["Airflow"]:
    """Airflow's real processes; every DAG begins paused, so that nothing runs unasked."""
    airflow.migrate(settings)
    env = airflow.environment(settings)
    env |= {
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        # A frozen task is missed after five minutes by default.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "45",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    }
    children = {
        one.name: Child(settings, _with_environment(one, env))
        for one in airflow.components(settings)
        if one.name in NEEDED
    }
    running = Airflow(settings, env, children)
    try:
        for child in children.values():
            child.tick()
        for name in children:
            running.wait_until_healthy(name)
        yield running
    finally:
        for child in children.values():
            child.ask_to_stop()
        for child in children.values():
            child.stop()


def _with_environment(one: Component, env: dict[str, str]) -> Component:
    words = ["airflow", one.name, *ARGUMENTS.get(one.name, ())]
    return replace(
        one,
        start=lambda: replace(one.start(), command=words, environment=env),
        start_seconds=600,
    )


@dataclass(frozen=True)
class Airflow:
    """What the tests ask of Airflow."""

    settings: Settings
    env: dict[str, str]
    children: dict[str, Child]

    def kill(self, name: str) -> None:
        """Kill one of Airflow's processes with SIGKILL; nobody starts it again."""
        process = self.children[name].process
        assert process is not None
        process.kill()
        process.wait(30)

    def wait_until_healthy(self, name: str) -> None:
        """Look after a process as the supervisor does, until it works."""

        def healthy() -> bool:
            child = self.children[name]
            child.tick()
            return child.state is State.HEALTHY

        wait_for(healthy, f"{name} to be healthy", lambda: self.children[name].reason)

    @cached_property
    def api(self) -> Any:
        """A logged-in client."""
        from countinghouse.services.airflow_api import AirflowApi

        return AirflowApi(self.settings)

    def cli(self, *words: str) -> str:
        """Output of an Airflow command, which must succeed."""
        done = subprocess.run(["airflow", *words], env=self.env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def backfill(self, dag_id: str, first: str, last: str, *more: str) -> None:
        """Create a backfill by the CLI; it runs on its own."""
        span = ("--from-date", first, "--to-date", last)
        self.cli("backfill", "create", "--dag-id", dag_id, *span, *more)

    def wait_until_closed(self, dag_id: str) -> None:
        """Wait until the scheduler has closed the DAG's ended backfills: it takes one at a time."""
        path = f"/api/v2/backfills?dag_id={dag_id}"
        wait_for(
            lambda: all(one["completed_at"] for one in self.api.call(path)["backfills"]),
            f"the backfills of {dag_id} to be closed",
        )

    def pause(self, dag_id: str, paused: bool = True) -> None:
        """Pause a DAG or let it run."""
        body = {"is_paused": paused}
        wait_for(lambda: self._known(dag_id), f"{dag_id} to be parsed")
        self.api.call(f"/api/v2/dags/{dag_id}", body, method="PATCH")

    def _known(self, dag_id: str) -> bool:
        dags = self.api.call("/api/v2/dags?limit=100")["dags"]
        return dag_id in [dag["dag_id"] for dag in dags]

    def trigger(self, dag_id: str, **more: Any) -> dict[str, Any]:
        """Start a run without a date, wait for its end, and return it."""
        run = self.api.call(f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, **more})
        path = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run['dag_run_id'])}"
        wait_for(lambda: self.api.call(path)["state"] in DONE, f"{dag_id} to end")
        return dict(run)

    def runs(self, dag_id: str, run_type: str = "") -> list[dict[str, Any]]:
        """Runs of a DAG, oldest first, of one type where given."""
        found = self.api.call(f"/api/v2/dags/{dag_id}/dagRuns?limit=100&order_by=id")["dag_runs"]
        return [run for run in found if run_type in ("", run["run_type"])]

    def states(self, dag_id: str, run_type: str = "") -> dict[str, str]:
        """State of the newest run by partition key."""
        return {run["partition_key"]: run["state"] for run in self.runs(dag_id, run_type)}

    def tasks(self, run: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Task instances of a run."""
        path = f"/api/v2/dags/{run['dag_id']}/dagRuns/{quote(run['dag_run_id'])}/taskInstances"
        found = self.api.call(path)["task_instances"]
        return {task["task_id"]: task for task in found}

    def wait_until_done(self, dag_id: str, run_type: str, keys: set[str]) -> dict[str, str]:
        """Wait until each key has a run and no run of the DAG is left to finish; their states."""

        def done() -> bool:
            runs = self.runs(dag_id, run_type)
            finished = all(run["state"] in DONE for run in runs)
            return finished and keys <= {run["partition_key"] for run in runs}

        wait_for(done, f"{dag_id} to run {sorted(keys)}", lambda: str(self.states(dag_id)))
        return self.states(dag_id, run_type)


def wait_for(
    condition: Callable[[], bool],
    what: str,
    shown: Callable[[], str] = lambda: "",
    *,
    seconds: float = 600,
) -> None:
    """Poll until `condition` holds; the failure says what was waited for."""
    end = time.monotonic() + seconds
    while not answered(condition):
        assert time.monotonic() < end, f"waited {seconds} s for {what}. {shown()}"
        time.sleep(1)


def answered(condition: Callable[[], bool]) -> bool:
    """Whether the condition holds; a server that is too busy to say so has not said yes."""
    try:
        return condition()
    except HTTPError as refusal:
        with refusal:
            if refusal.code < 500:
                raise
        return False
