"""A daily run through Airflow: from the start of its first task to the last mart."""

import datetime as dt
import sys
from dataclasses import dataclass
from typing import Any

from benchmarks import days
from benchmarks.measure import busy
from countinghouse.settings import Settings

INGEST, MARTS = "ingest_shop", "marts_commerce"


@dataclass(frozen=True)
class Daily:
    """Seconds of one day: in all, in its two runs, between them, and with the engine at work."""

    wall: float
    ingest: float
    between: float
    marts: float
    busy: float

    @property
    def overhead(self) -> float:
        """Wall time as a multiple of the engine's."""
        return round(self.wall / self.busy, 2)


def measure(settings: Settings, lines: int, *, first: int, count: int) -> list[Daily]:
    """Run `count` days from day `first`, one after the other; the installation is up.

    Raises RuntimeError when a run fails.
    """
    sys.path.insert(0, str(settings.project / "tests" / "dags"))
    sys.path.insert(0, str(settings.project / "dags"))
    from running import running_airflow

    with running_airflow(settings) as airflow:
        for dag_id in ("ingest_ecb_fx", INGEST, MARTS):
            airflow.pause(dag_id, False)
        return [_one(airflow, lines, n) for n in range(first, first + count)]


def _one(airflow: Any, lines: int, n: int) -> Daily:
    day, settings = days.day(n), airflow.settings
    days.deliver(settings, [n], lines)
    for dag_id in ("ingest_ecb_fx", INGEST):
        airflow.backfill(dag_id, day, day)
        airflow.wait_until_done(dag_id, "backfill", {day})
    airflow.wait_until_done(MARTS, "asset_triggered", {day})
    airflow.wait_until_closed(INGEST)
    runs = [run for run in airflow.runs(INGEST) if run["partition_key"] == day]
    woken = [run for run in airflow.runs(MARTS) if run["partition_key"] == day]
    if any(run["state"] != "success" for run in (*runs, *woken)):
        raise RuntimeError(f"{day}: {[run['state'] for run in (*runs, *woken)]}")
    began, ingested = _at(runs[-1]["start_date"]), _at(runs[-1]["end_date"])
    woken_at, ended = _at(woken[-1]["start_date"]), _at(woken[-1]["end_date"])
    return Daily(
        wall=ended - began,
        ingest=ingested - began,
        between=woken_at - ingested,
        marts=ended - woken_at,
        busy=busy(settings, began, ended),
    )


def _at(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()
