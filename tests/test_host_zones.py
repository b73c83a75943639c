"""Zones of hosts and clocks that run wrong change no result."""

import datetime as dt
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from feeds import Landing, contract_of, csv_of

from countinghouse import engine_session
from countinghouse.landing.columns import business_columns
from countinghouse.publishing.content_digest import partition_digests
from countinghouse.questions import queries
from countinghouse.services import engine, spark_program
from countinghouse.settings import Settings

ELSEWHERE = "America/Los_Angeles"
DAY = "2026-03-08"
# Times that do not exist, or exist twice, where this host pretends to be.
TIMES = [
    "2026-03-08 02:30:00",
    "2026-03-08 10:00:00Z",
    "2025-11-02 01:30:00",
    "2026-03-07 23:30:00",
]


@pytest.fixture
def host_in() -> Iterator[Callable[[str], None]]:
    """Moves this process to another zone."""
    before = os.environ.get("TZ")

    def move(zone: str) -> None:
        os.environ["TZ"] = zone
        time.tzset()

    yield move
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize("zone", [ELSEWHERE])
def test_fault_86_results_do_not_depend_on_the_zone_of_the_host(
    installation: Settings, ledger: Any, session: Any, tmp_path: Path,
    host_in: Callable[[str], None], zone: str,
) -> None:  # fmt: skip
    contract = contract_of(tmp_path / "project", "till_zones", max_lateness_days=None)
    lines = [f"a,{n},1.00,EUR,{at}," for n, at in enumerate(TIMES, 1)]
    landing = Landing(installation, ledger, session, tmp_path)
    host_in("UTC")
    here = landing.land(contract, {DAY: csv_of(*lines)})
    host_in(zone)
    assert time.tzname[0] != "UTC"
    elsewhere = landing.land(contract, {DAY: csv_of(*lines)})
    # A session that somebody has moved reads what was stored as it is, too.
    session.conf.set("spark.sql.session.timeZone", zone)
    moved = partition_digests(here.frame(), business_columns(contract), contract.money)
    session.conf.set("spark.sql.session.timeZone", "UTC")

    assert here.only.slices == elsewhere.only.slices
    assert here.only.raw == elsewhere.only.raw == moved[DAY]
    assert sum(found.rows for found in here.only.slices.values()) == len(TIMES)
    assert list(here.only.slices) == ["2025-11-02", "2026-03-07", DAY]


def test_fault_86_instants_are_printed_in_utc_wherever_they_are_read(
    installation: Settings, host_in: Callable[[str], None]
) -> None:
    host_in(ELSEWHERE)
    query = "select timestamp'2026-03-08 10:00:00Z' as at, timestamp_ntz'2026-03-08 02:30:00' as on"
    ((at, local),) = queries.sql(installation, query).rows
    assert str(at) == "2026-03-08 10:00:00+00:00"
    assert local == dt.datetime(2026, 3, 8, 2, 30)


def test_fault_86_engine_and_sessions_are_in_utc_whatever_the_host_says(
    installation: Settings, session: Any, host_in: Callable[[str], None]
) -> None:
    host_in(ELSEWHERE)
    assert spark_program.environment(installation)["TZ"] == "UTC"
    assert "-Duser.timezone=UTC" in engine.properties(installation)["spark.driver.extraJavaOptions"]
    opened = engine_session.open_session(installation, name="elsewhere")
    try:
        zones = opened.sql("select current_timezone(), date_format(timestamp'2026-03-08', 'z')")
        assert [tuple(row) for row in zones.collect()] == [("UTC", "UTC")]
    finally:
        opened.stop()
