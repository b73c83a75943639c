"""What a backfill is asked to do, refused before Airflow hears of it where it cannot be done."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from countinghouse import names
from countinghouse.errors import BadName, CountinghouseError

INGEST, REBUILD, MARTS = "ingest_", "rebuild_", "marts_"


class BackfillRefused(CountinghouseError):
    """A backfill that would not do what it is asked for; no run was created."""


class Reprocess(StrEnum):
    """Which dates run again although they have run before; Airflow's own words."""

    NONE = "none"
    FAILED = "failed"
    COMPLETED = "completed"


@dataclass(frozen=True)
class Request:
    """Dates of one DAG to run, in order."""

    dag_id: str
    dates: Sequence[str]
    reprocess: Reprocess = Reprocess.NONE

    @property
    def first(self) -> str:
        """The first date."""
        return self.dates[0]

    @property
    def last(self) -> str:
        """The last date."""
        return self.dates[-1]

    def command(self, *more: str) -> str:
        """The command that asks for the same dates, with other options."""
        words = ["countinghouse backfill", self.dag_id, "--from", self.first, "--to", self.last]
        return " ".join([*words, *more])


def requested(
    dag_id: str, first: str | None, last: str | None, reprocess: Reprocess, *, today: str
) -> Request:
    """The request for a range of closed days; `today` is the first day that is not closed (UTC).

    Raises BadName for what is no range, BackfillRefused for days to come and DAGs without dates.
    """
    if first is None or last is None:
        raise BadName("a backfill needs its dates", remedy="give --from and --to as YYYY-MM-DD")
    names.identifier(dag_id)
    dates = names.dates_between(first, last)
    if dag_id.startswith(MARTS):
        raise BackfillRefused(
            f"{dag_id} follows its assets and has no dates of its own",
            remedy=f"countinghouse backfill {REBUILD}{dag_id.removeprefix(MARTS)}"
            f" --from {first} --to {last}",
        )
    if not dag_id.startswith((INGEST, REBUILD)):
        raise BackfillRefused(
            f"{dag_id} does not work by date", remedy="name ingest_<system> or rebuild_<domain>"
        )
    if last >= today:
        yesterday = names.plus_days(today, -1)
        raise BackfillRefused(
            f"{last} is not over yet (UTC): days from {today} on have no runs",
            remedy=f"--to {yesterday} at the latest",
        )
    return Request(dag_id, dates, reprocess)


def conf_of(text: str | None) -> dict[str, Any] | None:
    """The JSON object that Airflow shows with each run; raises BadName for anything else."""
    if text is None:
        return None
    remedy = """write --conf '{"ticket": "OPS-1"}'"""
    try:
        conf = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadName(f"--conf is no JSON: {error}", remedy=remedy) from None
    if not isinstance(conf, dict):
        raise BadName("--conf is no JSON object", remedy=remedy)
    return conf


# --- what a request means for each date -------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """The newest run of a date; `stuck` if it waits for a backfill that has been cancelled."""

    state: str
    stuck: bool = False

    @property
    def in_flight(self) -> bool:
        """Whether Airflow leaves the date alone because a run of it has not ended."""
        return self.state not in ("success", "failed")


class Fate(StrEnum):
    """What Airflow makes of a date; the words are shown to people."""

    RUNS = "runs"
    SUCCEEDED = "left alone: succeeded before"
    FAILED = "left alone: failed before"
    IN_FLIGHT = "skipped: a run of it has not ended"
    STUCK = "skipped: a cancelled run of it waits for ever"


def fate(standing: Standing | None, reprocess: Reprocess) -> Fate:
    """What becomes of a date, by its newest run."""
    if standing is None:
        return Fate.RUNS
    if standing.in_flight:
        return Fate.STUCK if standing.stuck else Fate.IN_FLIGHT
    again = reprocess is Reprocess.COMPLETED or (
        reprocess is Reprocess.FAILED and standing.state == "failed"
    )
    if again:
        return Fate.RUNS
    return Fate.SUCCEEDED if standing.state == "success" else Fate.FAILED
