"""The few calls of Airflow's REST API that are needed here, as the installation's user."""

import json
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from countinghouse.services import airflow
from countinghouse.settings import Settings

_SECONDS = 30


@dataclass(frozen=True)
class Consumer:
    """A DAG that waits for an asset: whether it can run, and when it last began to."""

    dag_id: str
    paused: bool
    waiting: bool
    last_start: datetime | None

    @property
    def asleep(self) -> bool:
        """Whether a wake-up would start a run that nothing else is about to start."""
        return not (self.paused or self.waiting)

    def ran_after(self, moment: datetime) -> bool:
        """Whether a run began after `moment`."""
        return self.last_start is not None and self.last_start > moment


class AirflowApi:
    """A logged-in client of this installation's API server."""

    def __init__(self, settings: Settings) -> None:
        self._root = f"http://127.0.0.1:{settings.airflow_port}"
        self.headers = {"Content-Type": "application/json"}
        login = {"username": airflow.USER, "password": airflow.password(settings)}
        token = self.call("/auth/token", login)["access_token"]
        self.headers["Authorization"] = f"Bearer {token}"

    def asset(self, name: str) -> tuple[int, list[str]] | None:
        """Id of an asset and the DAGs that it wakes; None when no active DAG declares it."""
        found = self.call(f"/api/v2/assets?{urlencode({'name_pattern': name, 'limit': 100})}")
        for asset in found["assets"]:
            if asset["name"] == name:
                return asset["id"], [dag["dag_id"] for dag in asset["scheduled_dags"]]
        return None

    def consumer(self, dag_id: str) -> Consumer:
        """State of a DAG and of its newest runs."""
        dag = self.call(f"/api/v2/dags/{quote(dag_id)}")
        started = self._runs(dag_id, order_by="-start_date", state=("running", "success", "failed"))
        return Consumer(
            dag_id,
            paused=dag["is_paused"],
            waiting=bool(self._runs(dag_id, order_by="-id", state=("queued",))),
            last_start=datetime.fromisoformat(started[0]["start_date"]) if started else None,
        )

    def announce(self, asset_id: int, partition_key: str) -> None:
        """Emit one partition event of an asset."""
        self.call("/api/v2/assets/events", {"asset_id": asset_id, "partition_key": partition_key})

    def clear(self, dag_id: str, run_id: str) -> None:
        """Have a run done again, as the button of that name does."""
        path = f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run_id)}/clear"
        self.call(path, {"dry_run": False, "only_failed": False})

    def _runs(self, dag_id: str, *, order_by: str, state: tuple[str, ...]) -> list[dict[str, Any]]:
        query = urlencode({"order_by": order_by, "state": state, "limit": 1}, doseq=True)
        runs: list[dict[str, Any]] = self.call(f"/api/v2/dags/{quote(dag_id)}/dagRuns?{query}")[
            "dag_runs"
        ]
        return runs

    def call(
        self, path: str, body: dict[str, Any] | None = None, *, method: str | None = None
    ) -> dict[str, Any]:
        """Answer to a GET, or to a POST of `body`; an HTTP error raises."""
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._root + path, data=content, headers=self.headers, method=method
        )
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:
            answer: dict[str, Any] = json.load(response)
        return answer
