"""Days run one by one through Airflow give the tables that one plan gives.

    python tests/equality.py --days 30

Two installations get the same deliveries of completejourney: one builds the whole year in one plan,
the other runs its first days as Airflow backfills. Digests are compared for each of those days and
every table; dimensions with a history by their rows as of the last day. Exit code 1 when anything
differs. 30 days take some 20 minutes on two cores.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cut_deliveries
import duckdb
import sqlalchemy as sa
from installations import another

from countinghouse.ledger import open_ledger, published, tables
from countinghouse.names import WHOLE, dates_between
from countinghouse.runs.build import build
from countinghouse.runs.ingest import accept, contracts_of
from countinghouse.runs.land import land
from countinghouse.settings import Settings

SYSTEM = "completejourney"
FIRST, LAST = "2017-01-01", "2017-12-31"
# Compared by their rows as of the last day: the year closes what is open then.
HISTORIES = {"marts.dim_products"}
# What two histories of different length must agree on: the state as of a date.
_AS_OF = """
    select * exclude (valid_to, is_current),
        case when valid_to > date '{last}' then null else valid_to end as valid_to
    from read_parquet({files}) where valid_from <= date '{last}'
"""
Digests = dict[tuple[str, str], str]


def main() -> None:
    """Compare, print figures, exit 1 on any difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    days = dates_between(FIRST, LAST)[: parser.parse_args().days]
    with tempfile.TemporaryDirectory() as folder:
        with installation(Path(folder) / "plan") as one_plan:
            print(f"one plan of the year: {timed(lambda: plan_year(one_plan)):.0f} s", flush=True)
            expected = digests(one_plan, days[-1])
            history = dimensions(one_plan, Path(folder) / "one plan's")
        with installation(Path(folder) / "daily", last=days[-1]) as daily:
            print(f"{len(days)} days: {timed(lambda: run_days(daily, days)):.0f} s", flush=True)
            found = digests(daily, days[-1])
            differing = differences(expected, found)
            print(f"equal {len(expected) - len(differing)} of {len(expected)} partitions")
            differing += dimension_differences(
                history, dimensions(daily, Path(folder) / "daily's"), days[-1]
            )
    print(*differing[:20], sep="\n")
    sys.exit(bool(differing))


@contextmanager
def installation(home: Path, last: str = LAST) -> Iterator[Settings]:
    """A running installation with the deliveries up to `last` in its landing folder."""
    with another(home) as settings:
        cut_deliveries.cut_completejourney(settings.landing_root, FIRST, last)
        yield settings


def plan_year(settings: Settings) -> None:
    """Everything delivered, in one plan."""
    accept(settings, [SYSTEM])
    land(settings, contracts_of(settings, [SYSTEM]), run_id="equality")
    report = build(settings, [f"staging.{SYSTEM}", "commerce"], run_id="equality")
    assert not report.failed, report.summary()


def run_days(settings: Settings, days: list[str]) -> None:
    """Each day as Airflow runs it: its delivery comes, its DAGs run, then the next day's."""
    sys.path.insert(0, str(Path(__file__).parent / "dags"))
    sys.path.insert(0, str(settings.project / "dags"))
    from running import running_airflow

    hidden = settings.landing_root.with_name("landing.later")
    settings.landing_root.rename(hidden)
    with running_airflow(settings) as airflow:
        for dag_id in (f"ingest_{SYSTEM}", "marts_commerce"):
            airflow.pause(dag_id, False)
        for day in days:
            _reveal(hidden, settings.landing_root, day)
            airflow.backfill(f"ingest_{SYSTEM}", day, day)
            airflow.wait_until_done(f"ingest_{SYSTEM}", "backfill", {day})
            airflow.wait_until_done("marts_commerce", "asset_triggered", {day})
            airflow.wait_until_closed(f"ingest_{SYSTEM}")
            print(f"  {day} done", flush=True)


def _reveal(hidden: Path, landing: Path, day: str) -> None:
    for folder in sorted(hidden.glob(f"*/*/dt={day}")):
        target = landing / folder.relative_to(hidden)
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)


def digests(settings: Settings, last: str) -> Digests:
    """Content digest of every published partition with rows, daily ones up to `last`."""
    pointers, versions = tables.pointers.c, tables.versions.c
    query = sa.select(pointers.table_name, pointers.dt, versions.digest, versions.rows).join(
        tables.versions, versions.version_id == pointers.version_id
    )
    with open_ledger(settings).connect() as connection:
        return {
            (row.table_name, row.dt): row.digest
            for row in connection.execute(query)
            if row.rows and (row.dt <= last or row.dt == WHOLE) and row.table_name not in HISTORIES
        }


def dimensions(settings: Settings, copies: Path) -> list[Path]:
    """Data files of `dim_products`, copied so that they outlive the installation."""
    found = published.locations(open_ledger(settings))["marts.dim_products"]
    copies.mkdir()
    files = []
    for dt, place in found.items():
        for file in (settings.warehouse / place.path).glob("*.parquet"):
            files.append(copies / f"{dt}-{file.name}")
            files[-1].write_bytes(file.read_bytes())
    return files


def differences(expected: Digests, found: Digests) -> list[str]:
    """Partitions whose digests differ, or that only one side has."""
    return [
        f"{table} {dt}: {expected.get((table, dt))} in one plan, {found.get((table, dt))} daily"
        for table, dt in sorted(expected.keys() | found.keys())
        if expected.get((table, dt)) != found.get((table, dt))
    ]


def dimension_differences(one: list[Path], other: list[Path], last: str) -> list[str]:
    """Rows of the dimension as of `last` that only one side has."""
    left, right = (_AS_OF.format(last=last, files=[str(f) for f in s]) for s in (one, other))
    counts = [
        duckdb.sql(f"select count(*) from (({a}) except all ({b}))").fetchall()[0][0]
        for a, b in ((left, right), (right, left))
    ]
    return [f"marts.dim_products as of {last}: {counts} rows differ"] if any(counts) else []


def timed(work: Callable[[], Any]) -> float:
    """Seconds that `work` takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


if __name__ == "__main__":
    main()
