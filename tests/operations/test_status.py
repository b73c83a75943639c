"""What `countinghouse status` says: from the ledger alone, no engine runs here."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sa
from feeds import contract_of, csv_of, deliver

from countinghouse.cli.cli_status import _disk
from countinghouse.ledger import open_ledger
from countinghouse.ledger import tables as t
from countinghouse.planning.planner import Stale
from countinghouse.questions.disk import Disk, DiskUsage
from countinghouse.questions.expected import FeedDeliveries, feed_deliveries
from countinghouse.questions.failures import last_failures
from countinghouse.questions.status import StaleGroup, grouped, overview
from countinghouse.services import postgres
from countinghouse.settings import Settings

NOW = datetime(2026, 3, 10, 13, tzinfo=UTC)
DAILY = {"by": "06:00", "deadline": "12:00", "zone": "UTC"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An installation with a ledger, and nothing else running."""
    settings = Settings(home=tmp_path_factory.mktemp("status"))
    yield settings
    postgres.stop(settings)


@pytest.fixture
def ledger(home: Settings) -> Iterator[sa.Connection]:
    """The ledger in a transaction that is not kept."""
    with open_ledger(home).connect() as connection:
        yield connection


def log(connection: sa.Connection, feed: str, dt: str, **values: Any) -> None:
    row = {
        "feed": feed, "dt": dt, "seq": 0, "version": 1, "digest": "d", "files": [],
        "status": "accepted", "received_at": NOW,
    }  # fmt: skip
    connection.execute(t.deliveries.insert(), row | values)


def asked(
    ledger: sa.Connection, tmp_path: Path, expected: dict[str, str] | None = DAILY
) -> FeedDeliveries:
    contract = contract_of(tmp_path, **({"expected": expected} if expected else {}))
    settings = Settings(home=tmp_path)
    (found,) = feed_deliveries(settings, ledger, [contract], NOW)
    return found


def test_a_delivery_is_missing_when_its_deadline_has_passed(
    ledger: sa.Connection, tmp_path: Path
) -> None:
    log(ledger, "till.sales", "2026-03-07")
    found = asked(ledger, tmp_path)
    assert (found.newest, found.accepted_at, found.owner) == ("2026-03-07", NOW, "shops")
    # That of the 9th was due an hour ago, that of the 10th is due tomorrow.
    assert found.missing == ("2026-03-08", "2026-03-09")
    assert found.due == datetime(2026, 3, 9, 12, tzinfo=UTC)
    later = asked(ledger, tmp_path, expected=DAILY | {"deadline": "14:00"})
    assert later.missing == ("2026-03-08",)


def test_a_gap_between_deliveries_is_missing_and_an_old_one_is_not(
    ledger: sa.Connection, tmp_path: Path
) -> None:
    for dt in ("2025-12-01", *(f"2026-02-{day:02}" for day in range(7, 29) if day != 20)):
        log(ledger, "till.sales", dt)
    for day in range(1, 10):
        log(ledger, "till.sales", f"2026-03-{day:02}")
    assert asked(ledger, tmp_path).missing == ("2026-02-20",)


def test_what_lies_in_the_landing_is_not_missing(ledger: sa.Connection, tmp_path: Path) -> None:
    log(ledger, "till.sales", "2026-03-08")
    contract = contract_of(tmp_path / "landed", expected=DAILY)
    deliver(tmp_path / "landing", contract, "2026-03-09", csv_of())
    assert asked(ledger, tmp_path).missing == ()


def test_a_feed_that_never_came_misses_the_last_closed_day(
    ledger: sa.Connection, tmp_path: Path
) -> None:
    found = asked(ledger, tmp_path)
    assert (found.newest, found.missing) == (None, ("2026-03-09",))
    assert asked(ledger, tmp_path, expected=None).missing == ()


def test_a_refusal_is_told_until_it_is_corrected(ledger: sa.Connection, tmp_path: Path) -> None:
    refused = {"status": "refused", "reason": "budget: 9 of 9 rows are bad"}
    log(ledger, "till.sales", "2026-03-08", **refused)
    log(ledger, "till.sales", "2026-03-09", **refused)
    log(ledger, "till.sales", "2026-03-09", version=2, digest="e")
    found = asked(ledger, tmp_path)
    assert [(one.dt, one.reason) for one in found.refused] == [
        ("2026-03-08", "budget: 9 of 9 rows are bad")
    ]


def gate(connection: sa.Connection, dt: str, **values: Any) -> None:
    row = {
        "attempt_id": "a", "table_name": "marts.fct_order_lines", "dt": dt, "gate": "dbt",
        "rule": "lines_are_unique", "severity": "block", "passed": False,
        "observed": {"failures": 2, "message": "2 rows"}, "evaluated_at": NOW,
    }  # fmt: skip
    connection.execute(t.gate_results.insert(), row | values)


def test_failures_of_the_last_week_are_told_with_their_command(ledger: sa.Connection) -> None:
    gate(ledger, "2026-03-01")
    gate(ledger, "2026-03-02", severity="warn")
    gate(ledger, "2026-03-03", passed=True)
    gate(ledger, "2026-03-04", evaluated_at=NOW - timedelta(days=8))
    (found,) = last_failures(ledger, NOW)
    assert (found.table, found.partition, found.rule) == (
        "marts.fct_order_lines", "2026-03-01", "lines_are_unique",
    )  # fmt: skip
    assert found.message == "2 rows"
    assert found.command == (
        "countinghouse build marts.fct_order_lines --from 2026-03-01 --to 2026-03-01"
    )


def test_a_refusal_that_is_in_both_logs_is_told_once(ledger: sa.Connection) -> None:
    of_landing = {"table_name": "raw.till__sales", "rule": "delivery accepted", "gate": "landing"}
    gate(ledger, "2026-03-01", observed={"reason": "bad"}, **of_landing)
    for dt, reason in (("2026-03-01", "bad"), ("2026-03-02", "its manifest says more")):
        log(ledger, "till.sales", dt, status="refused", reason=reason)
    found = sorted((one.partition, one.message) for one in last_failures(ledger, NOW))
    assert found == [("2026-03-01", "bad"), ("2026-03-02", "its manifest says more")]


def test_the_newest_ten_failures_are_told(ledger: sa.Connection) -> None:
    for n in range(12):
        gate(ledger, f"2026-03-{n + 1:02}", evaluated_at=NOW - timedelta(hours=12 - n))
    found = [one.partition for one in last_failures(ledger, NOW)]
    assert found == [f"2026-03-{n:02}" for n in range(12, 2, -1)]


def test_stale_partitions_are_counted_by_domain() -> None:
    folders = {"marts.a": "commerce", "marts.b": "commerce", "staging.c": "shop"}
    found = [
        Stale("marts.a", "2026-03-02", ("x",)),
        Stale("marts.a", "2026-03-01", ("x",)),
        Stale("marts.b", "all", ("x",)),
        Stale("staging.c", "2026-03-01", ("x",)),
    ]
    assert grouped(found, folders) == [
        StaleGroup("commerce", tables=2, partitions=3, oldest="2026-03-01"),
        StaleGroup("shop", tables=1, partitions=1, oldest="2026-03-01"),
    ]


def test_sizes_are_those_of_the_disk_and_what_takes_too_long_has_none(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    (settings.archive / "deep").mkdir(parents=True)
    (settings.archive / "deep" / "file").write_bytes(b"x" * 300_000)
    sizes = DiskUsage(settings).result().folders
    assert 300_000 <= (sizes["archive"] or 0) < 400_000
    assert sizes["warehouse"] == 0
    assert DiskUsage(settings).result(seconds=0).folders["archive"] is None


@pytest.fixture
def busy(home: Settings) -> Iterator[Settings]:
    """A hold, an attempt that works, one that is dead, and a delivery."""
    ledger, me = open_ledger(home), psutil.Process()
    # A busy machine may take longer than a lease before it is asked.
    renewed = datetime.now(UTC) + timedelta(hours=1)
    attempt = {
        "kind": "build", "run_id": "r", "scope": "commerce", "session_id": "s", "state": "open",
        "host": os.uname().nodename, "pid": me.pid, "pid_started": int(me.create_time()),
        "heartbeat_at": renewed,
    }  # fmt: skip
    claim = {"table_name": "marts.a", "epoch": 1, "attempt_id": "works", "state": "open"}
    hold = {"table_name": "marts.h", "dt": "2026-03-01", "version_id": "v", "reason": "bad rates"}
    with ledger.begin() as connection:
        connection.execute(
            t.attempts.insert(),
            [attempt | {"attempt_id": "works"}, attempt | {"attempt_id": "dead", "pid_started": 1}],
        )
        days = [claim | {"dt": dt} for dt in ("2026-03-01", "2026-03-02")]
        connection.execute(t.claims.insert(), [*days, claim | {"dt": "old", "state": "closed"}])
        connection.execute(t.holds.insert(), hold | {"owner": "finance"})
        connection.execute(t.holds.insert(), hold | {"owner": "x", "released_at": NOW})
        log(connection, "shop.orders", "2026-03-01")
    yield home
    with ledger.begin() as connection:
        for table in (t.claims, t.attempts, t.holds, t.deliveries):
            connection.execute(table.delete())


def test_holds_and_attempts_are_told_without_an_engine(busy: Settings) -> None:
    found = overview(busy)
    assert [(h.table, h.reason, h.owner) for h in found.holds] == [
        ("marts.h", "bad rates", "finance")
    ]
    assert {(r.attempt_id, r.partitions, r.alive) for r in found.running} == {
        ("works", 2, True),
        ("dead", 0, False),
    }
    assert [(s.name, s.partitions) for s in found.stale] == [("shop", 1)]


def test_of_a_warehouse_that_takes_too_long_the_ledger_knows_the_least() -> None:
    disk = Disk({"warehouse": None, "logs": None}, free=2_000_000_000)
    assert _disk(disk, 1_234_000) == (
        "warehouse at least 1.23 MB (published and kept versions), "
        "logs takes too long to measure, 2 GB free"
    )


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "countinghouse.cli", "status", *arguments],
        env=os.environ | {"COUNTINGHOUSE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_tells_everything_and_fails_for_the_components(busy: Settings) -> None:
    done = run(busy.home)
    # The supervisor does not run: scripts read that from the exit code.
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("component ")
    for said in ("shop.orders", "never delivered: adwords (1), ", "stale: 1 partitions",
                 "held: 1 partitions", "bad rates", "running: 2 attempts",
                 "countinghouse reconcile --quick", "disk: "):  # fmt: skip
        assert said in done.stdout, done.stdout


def test_programs_get_json(busy: Settings) -> None:
    told = json.loads(run(busy.home, "--json").stdout)
    assert [one["name"] for one in told["components"]] == ["supervisor"]
    assert told["ledger"]["holds"][0]["table"] == "marts.h"
    assert told["disk"]["folders"]["postgres"] > 1_000_000
    assert told["problem"] == ""


def test_a_ledger_that_is_down_is_told_and_not_started(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "the ledger does not answer" in done.stderr
    assert "supervisor" in done.stdout
    assert "disk: " in done.stdout
    assert not (tmp_path / "pgdata").exists()
