"""Airflow's backfills: created and cancelled by its API, followed in its database.

The API does not say which run belongs to which backfill, nor which dates it has left out and why;
the table `backfill_dag_run` does.
"""

import json
import urllib.error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from countinghouse.backfills.outcome import DateRun
from countinghouse.backfills.request import BackfillRefused, Request, Standing
from countinghouse.errors import CountinghouseError
from countinghouse.services import airflow
from countinghouse.services.airflow_api import AirflowApi
from countinghouse.settings import Settings

_NEWEST_RUNS = """
    SELECT DISTINCT ON (r.partition_key) r.partition_key, r.state, b.is_paused
    FROM dag_run r LEFT JOIN backfill b ON b.id = r.backfill_id
    WHERE r.dag_id = %s AND r.partition_key = ANY(%s)
    ORDER BY r.partition_key, r.start_date DESC NULLS LAST, r.id DESC
"""
_RUNS = """
    SELECT d.partition_key, coalesce(r.state, ''), coalesce(d.exception_reason, '')
    FROM backfill_dag_run d LEFT JOIN dag_run r ON r.id = d.dag_run_id
    WHERE d.backfill_id = %s ORDER BY d.partition_key
"""
_NEWEST = """
    SELECT id, (from_date AT TIME ZONE 'UTC')::date::text, (to_date AT TIME ZONE 'UTC')::date::text,
           created_at, completed_at IS NULL, reprocess_behavior
    FROM backfill WHERE dag_id = %s ORDER BY id DESC LIMIT 1
"""
_STUCK = """
    SELECT r.run_id FROM dag_run r JOIN backfill b ON b.id = r.backfill_id
    WHERE r.dag_id = %s AND r.state = 'queued' AND b.is_paused AND b.completed_at IS NOT NULL
"""


@dataclass(frozen=True)
class Backfill:
    """A backfill as Airflow knows it; dates are partitions, `active` until all runs have ended."""

    backfill_id: int
    first: str
    last: str
    created_at: datetime
    active: bool
    reprocess: str


class AirflowBackfills:
    """Backfills of this installation's Airflow, which must be running."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        try:
            self._api = AirflowApi(settings)
        except OSError as error:
            raise CountinghouseError(
                f"Airflow does not answer on port {settings.airflow_port}: {error}",
                remedy="countinghouse up, then countinghouse status",
            ) from error

    def paused(self, dag_id: str) -> bool:
        """Whether the DAG is paused; raises BackfillRefused when there is none of that name."""
        try:
            return bool(self._api.call(f"/api/v2/dags/{quote(dag_id)}")["is_paused"])
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 404:
                    raise
            raise BackfillRefused(
                f"Airflow has no DAG {dag_id}", remedy="countinghouse airflow dags list"
            ) from None

    def newest(self, dag_id: str) -> Backfill | None:
        """The backfill that was created last."""
        rows = self._rows(_NEWEST, dag_id)
        return Backfill(*rows[0]) if rows else None

    def standing(self, dag_id: str, dates: Sequence[str]) -> dict[str, Standing]:
        """The newest run of each of the dates that has one."""
        rows = self._rows(_NEWEST_RUNS, dag_id, list(dates))
        return {
            dt: Standing(state, stuck=state == "queued" and bool(paused))
            for dt, state, paused in rows
        }

    def runs(self, backfill_id: int) -> list[DateRun]:
        """What has become of each date of a backfill so far."""
        return [DateRun(*row) for row in self._rows(_RUNS, backfill_id)]

    def create(self, request: Request, conf: Mapping[str, Any] | None = None) -> Backfill:
        """Enqueue the runs; raises BackfillRefused with what Airflow says against it."""
        body = {
            "dag_id": request.dag_id,
            "from_date": f"{request.first}T00:00:00Z",
            "to_date": f"{request.last}T00:00:00Z",
            "reprocess_behavior": request.reprocess.value,
            "dag_run_conf": conf,
        }
        try:
            answer = self._api.call("/api/v2/backfills", body)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(request, error) from None
        return Backfill(
            answer["id"],
            request.first,
            request.last,
            datetime.fromisoformat(answer["created_at"]),
            active=True,
            reprocess=request.reprocess.value,
        )

    def cancel(self, backfill: Backfill) -> None:
        """Create no more runs and fail those that are queued; what runs goes on to its end."""
        self._api.call(f"/api/v2/backfills/{backfill.backfill_id}/cancel", method="PUT")

    def stuck(self, dag_id: str) -> list[str]:
        """Runs that wait for a cancelled backfill, which Airflow lets wait for ever."""
        return [run_id for (run_id,) in self._rows(_STUCK, dag_id)]

    def end_stuck(self, dag_id: str) -> int:
        """Fail the runs that are stuck; returns how many."""
        stuck = self.stuck(dag_id)
        for run_id in stuck:
            path = f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run_id)}"
            self._api.call(path, {"state": "failed"}, method="PATCH")
        return len(stuck)

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with airflow.database(self._settings) as connection:
            return connection.execute(query, values).fetchall()


def _refusal(request: Request, error: urllib.error.HTTPError) -> BackfillRefused:
    text = error.read().decode(errors="replace")
    try:
        said = json.loads(text)["detail"]
    except (json.JSONDecodeError, KeyError, TypeError):
        said = text[:300]
    remedy = f"countinghouse airflow dags details {request.dag_id}"
    if error.code == 409:
        remedy = (
            f"countinghouse backfill {request.dag_id} --watch, or end it with "
            f"countinghouse backfill {request.dag_id} --cancel"
        )
    return BackfillRefused(f"Airflow refuses the backfill: {said}", remedy=remedy)
