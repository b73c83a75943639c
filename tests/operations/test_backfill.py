"""Backfills: refused beforehand, followed to the end, verified date by date (faults 40 to 45).

Airflow's answers are made up here; tests/dags/test_airflow.py has a real one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import typer

from countinghouse import cli
from countinghouse.backfills import follow, in_airflow, plan
from countinghouse.backfills.in_airflow import Backfill
from countinghouse.backfills.outcome import DateRun, outcome
from countinghouse.backfills.request import (
    BackfillRefused,
    Fate,
    Reprocess,
    Request,
    Standing,
    conf_of,
    fate,
    requested,
)
from countinghouse.errors import BadName
from countinghouse.ledger import open_ledger
from countinghouse.ledger import tables as t
from countinghouse.names import dates_between
from countinghouse.questions.changes import TableChange, published_since
from countinghouse.runs.ingest import contracts_of
from countinghouse.services import postgres
from countinghouse.settings import Settings
from simulator.deliveries import Defects, write_deliveries

DAG = "ingest_shop"
MONTH = dates_between("2026-03-01", "2026-03-30")
CREATED = datetime(2026, 4, 1, tzinfo=UTC)
SUCCESS, FAILED, RUNNING = Standing("success"), Standing("failed"), Standing("running")
BACKFILL = Backfill(7, MONTH[0], MONTH[-1], CREATED, active=True, reprocess="none")


@dataclass
class Airflow:
    """Runs the dates that the real one would, all at once and as `ends` says."""

    before: Mapping[str, Standing] = field(default_factory=dict)
    ends: Mapping[str, str] = field(default_factory=dict)
    is_paused: bool = False
    active: Backfill | None = None
    created: list[Request] = field(default_factory=list)
    conf: Mapping[str, Any] | None = None
    waiting: int = 0
    # Runs of a backfill that somebody else has created
    others: Sequence[DateRun] = (DateRun(MONTH[0], "success"), DateRun(MONTH[1], "running"))

    def paused(self, dag_id: str) -> bool:
        return self.is_paused

    def newest(self, dag_id: str) -> Backfill | None:
        return self.active

    def standing(self, dag_id: str, dates: Sequence[str]) -> dict[str, Standing]:
        return {dt: self.before[dt] for dt in dates if dt in self.before}

    def create(self, request: Request, conf: Mapping[str, Any] | None = None) -> Backfill:
        self.created.append(request)
        self.conf = conf
        return BACKFILL

    def runs(self, backfill_id: int) -> list[DateRun]:
        if not self.created:
            return list(self.others)
        (request,) = self.created
        return [self._run(dt, request.reprocess) for dt in request.dates if self.ends.get(dt) != ""]

    def _run(self, dt: str, reprocess: Reprocess) -> DateRun:
        match fate(self.before.get(dt), reprocess):
            case Fate.RUNS:
                return DateRun(dt, self.ends.get(dt, "success"))
            case Fate.IN_FLIGHT | Fate.STUCK:
                return DateRun(dt, reason="in flight")
            case _:
                return DateRun(dt, reason="already exists")

    def cancel(self, backfill: Backfill) -> None:
        self.active = replace(backfill, active=False)

    def stuck(self, dag_id: str) -> list[str]:
        return ["backfill__2026-03-06"] * self.waiting

    def end_stuck(self, dag_id: str) -> int:
        return self.waiting


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An installation with a ledger and three days of the shop in its landing folder."""
    settings = Settings(home=tmp_path_factory.mktemp("backfill"))
    clean = Defects(late=None, corrupt=None, held=None, repeated=False)
    first = datetime(2026, 3, 2, tzinfo=UTC).date()
    write_deliveries(settings.landing_root, first, 3, 11, defects=clean)
    yield settings
    postgres.stop(settings)


@pytest.fixture
def airflow(home: Settings, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    found = Airflow()
    monkeypatch.setattr(in_airflow, "AirflowBackfills", lambda settings: found)
    monkeypatch.setattr("countinghouse.cli.cli_backfill.load", lambda: home)
    return found


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["countinghouse", "backfill", *words])
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def ask(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    return run(monkeypatch, DAG, "--from", MONTH[0], "--to", MONTH[-1], "--yes", *words)


@pytest.mark.parametrize(
    ("reprocess", "runs", "kept"),
    [("none", 26, 2), ("failed", 28, 2), ("completed", 30, 0)],
)
def test_fault_40_thirty_days_are_the_exact_dates(
    airflow: Airflow,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    reprocess: str,
    runs: int,
    kept: int,
) -> None:
    airflow.before = dict.fromkeys(MONTH[:2], SUCCESS) | dict.fromkeys(MONTH[2:4], FAILED)
    code = ask(monkeypatch, "--reprocess", reprocess)
    said = capsys.readouterr()
    assert f"{runs} of 30 dates run" in said.out
    assert f"{runs} of 30 dates succeeded, {kept} had succeeded before" in said.out
    # What failed before and is not run again has not succeeded.
    assert code == (1 if reprocess == "none" else 0)
    assert (f"{MONTH[2]}, {MONTH[3]}" in said.err) == (reprocess == "none")


def test_fault_40_again_runs_nothing(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow.before = dict.fromkeys(MONTH, SUCCESS)
    assert ask(monkeypatch) == 0
    said = capsys.readouterr().out
    assert "0 of 30 dates succeeded, 30 had succeeded before" in said
    assert "nothing that is published has changed" in said


def test_fault_40_a_failed_and_a_lost_date_are_named(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow.ends = {MONTH[4]: "failed", MONTH[9]: ""}
    assert ask(monkeypatch) == 1
    said = capsys.readouterr().err
    assert f"1 failed: {MONTH[4]}\n" in said
    assert f"1 unknown to Airflow: {MONTH[9]}\n" in said


def test_a_date_that_nobody_asked_for_is_no_success() -> None:
    runs = [DateRun(dt, "success") for dt in MONTH[:3]]
    assert outcome(MONTH[:3], runs, {}).ok
    found = outcome(MONTH[:2], runs, {})
    assert (found.ok, found.extra) == (False, [MONTH[2]])


def test_fault_41_a_second_backfill_is_refused(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow.active = BACKFILL
    assert ask(monkeypatch) == 1
    said = capsys.readouterr().err
    assert f"a backfill of {DAG} from {MONTH[0]} to {MONTH[-1]} is active" in said
    assert f"countinghouse backfill {DAG} --cancel" in said
    assert airflow.created == []


def test_fault_41_one_that_has_ended_and_is_not_closed_yet_is_waited_for(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = [BACKFILL, BACKFILL, replace(BACKFILL, active=False)]
    monkeypatch.setattr(airflow, "newest", lambda dag_id: ended.pop(0))
    airflow.others = [DateRun(MONTH[0], "success"), DateRun(MONTH[1], reason="in flight")]
    found: Any = airflow
    follow.refuse_second(found, DAG, poll=0)
    assert ended == []
    ended[:] = [BACKFILL] * 3
    with pytest.raises(BackfillRefused):
        follow.refuse_second(found, DAG, patience=-1, poll=0)


def test_fault_42_a_backfill_of_a_paused_dag_is_refused(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow.is_paused = True
    assert ask(monkeypatch) == 1
    assert f"countinghouse airflow dags unpause {DAG}" in capsys.readouterr().err
    assert airflow.created == []


def test_fault_42_a_dag_that_is_paused_meanwhile_is_not_waited_for(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow.ends = {MONTH[-1]: "queued"}
    request = Request(DAG, MONTH)
    airflow.create(request)
    airflow.is_paused = True
    found: Any = airflow
    with pytest.raises(BackfillRefused, match="has been paused"):
        follow.follow(found, request, BACKFILL, lambda runs: None, poll=0)


def test_fault_43_dates_in_flight_are_reported(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow.before = {MONTH[5]: RUNNING, MONTH[6]: Standing("queued")}
    assert ask(monkeypatch) == 1
    said = capsys.readouterr()
    assert "skipped: a run of it has not ended" in said.out
    assert f"2 skipped: a run of them had not ended: {MONTH[5]}, {MONTH[6]}\n" in said.err


def test_fault_44_a_cancelled_run_that_was_cleared_is_told_before_and_ended_by_cancel(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow.before, airflow.waiting = {MONTH[5]: Standing("queued", stuck=True)}, 1
    assert ask(monkeypatch, "--dry-run") == 0
    said = capsys.readouterr().out
    assert "a cancelled run of it waits for ever" in said
    assert f"end them: countinghouse backfill {DAG} --cancel" in said
    assert run(monkeypatch, DAG, "--cancel") == 0
    assert "1 runs that waited for a cancelled backfill are failed now" in capsys.readouterr().out


def test_cancel_says_how_to_run_the_rest(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow.active = BACKFILL
    airflow.create(Request(DAG, MONTH))
    assert run(monkeypatch, DAG, "--cancel") == 0
    again = f"countinghouse backfill {DAG} --from {MONTH[0]} --to {MONTH[-1]} --reprocess failed"
    assert again in capsys.readouterr().out
    assert run(monkeypatch, DAG, "--cancel") == 1
    assert "no active backfill" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--from", "2026-03-05", "--to", "2026-03-02"), 2, "is reversed"),
        (("--from", "2026-03-05", "--to", "2999-01-01"), 1, "is not over yet"),
        (("--from", "2026-02-30", "--to", "2026-03-02"), 2, "is not a date"),
        (("--from", "20260301", "--to", "2026-03-02"), 2, "is not a date"),
        (("--from", "2026-03-01"), 2, "needs its dates"),
        (("--from", "2026-03-01", "--to", "2026-03-02", "--conf", "{bad"), 2, "is no JSON"),
        (("--from", "2026-03-01", "--to", "2026-03-02", "--conf", "[1]"), 2, "no JSON object"),
        (("--from", "2020-01-01", "--to", "2020-01-31"), 1, "nobody has delivered anything"),
    ],
)
def test_fault_45_what_cannot_be_done_creates_no_run(
    airflow: Airflow,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    assert run(monkeypatch, DAG, "--yes", *words) == code
    assert message in capsys.readouterr().err
    assert airflow.created == []


def test_today_is_not_over() -> None:
    assert requested(DAG, "2026-03-01", "2026-03-01", Reprocess.NONE, today="2026-03-02").dates
    with pytest.raises(BackfillRefused, match="--to 2026-03-01"):
        requested(DAG, "2026-03-01", "2026-03-02", Reprocess.NONE, today="2026-03-02")


@pytest.mark.parametrize(
    ("dag", "hint"), [("marts_commerce", "rebuild_commerce"), ("nightly", "ingest_<system>")]
)
def test_a_dag_without_dates_is_refused_with_the_one_that_has_them(dag: str, hint: str) -> None:
    with pytest.raises(BackfillRefused, match=hint):
        requested(dag, "2026-03-01", "2026-03-01", Reprocess.NONE, today="2026-03-02")
    with pytest.raises(BadName):
        requested("../x", "2026-03-01", "2026-03-01", Reprocess.NONE, today="2026-03-02")


def test_conf_goes_to_the_runs(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    assert conf_of(None) is None
    assert ask(monkeypatch, "--conf", '{"ticket": "OPS-1"}') == 0
    assert airflow.conf == {"ticket": "OPS-1"}


def test_a_dry_run_creates_nothing_and_nobody_is_asked(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, DAG, "--from", MONTH[0], "--to", MONTH[-1], "--dry-run") == 0
    assert airflow.created == []
    assert "30 of 30 dates run" in capsys.readouterr().out


def test_without_a_yes_no_run_is_created(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    def declined(question: str, *, abort: bool) -> None:
        assert abort
        raise typer.Abort

    monkeypatch.setattr("typer.confirm", declined)
    assert run(monkeypatch, DAG, "--from", MONTH[0], "--to", MONTH[-1]) == 1
    assert airflow.created == []


def test_an_interrupt_says_how_to_watch_and_how_to_cancel(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(follow, "follow", interrupted)
    assert ask(monkeypatch) == 130
    said = capsys.readouterr().err
    assert f"countinghouse backfill {DAG} --watch" in said
    assert f"countinghouse backfill {DAG} --cancel" in said


def test_watching_follows_the_newest_backfill(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow.active = replace(BACKFILL, active=False)
    airflow.create(Request(DAG, MONTH))
    airflow.ends = {MONTH[0]: "failed"}
    assert run(monkeypatch, DAG, "--watch") == 1
    assert f"1 failed: {MONTH[0]}\n" in capsys.readouterr().err


def test_the_plan_of_a_feed_tells_what_is_delivered_and_what_would_be_written(
    home: Settings,
) -> None:
    days = dates_between("2026-03-01", "2026-03-05")
    found = plan.plan(home, Request(DAG, days), {"2026-03-03": SUCCESS})
    feeds = len(contracts_of(home, ["shop"]))
    assert [(one.dt[-2:], one.delivered, one.landed) for one in found.dates] == [
        ("01", 0, 0), ("02", feeds, 0), ("03", feeds, 0), ("04", feeds, 0), ("05", 0, 0),
    ]  # fmt: skip
    assert found.runs == [dt for dt in days if dt != "2026-03-03"]
    written = {table.table: (table.partitions, table.first, table.last) for table in found.tables}
    assert written["raw.shop__orders"] == (2, "2026-03-02", "2026-03-04")
    assert written["quarantine.shop__orders"] == written["staging.stg_shop__orders"]
    assert found.seconds is None


def test_a_rebuild_of_what_was_never_delivered_is_refused(home: Settings) -> None:
    with pytest.raises(BackfillRefused, match="commerce has no partition from 2026-03-02"):
        plan.plan(home, Request("rebuild_commerce", ["2026-03-02"]), {})


def attempt(connection: sa.Connection, name: str, seconds: int, scope: str = "shop") -> None:
    row = {
        "attempt_id": name, "kind": "land", "run_id": f"{DAG}/{name}", "scope": scope,
        "session_id": "s", "host": "h", "pid": 1, "pid_started": 1, "state": "done",
        "started_at": CREATED, "ended_at": CREATED + timedelta(seconds=seconds),
    }  # fmt: skip
    connection.execute(t.attempts.insert(), row)
    about = {"set_id": name, "attempt_id": name, "state": "complete", "tables": {}, "events": []}
    connection.execute(t.publication_sets.insert(), about)


def publish(connection: sa.Connection, name: str, dt: str, before: int | None, now: int) -> None:
    """A partition of raw.x that had `before` rows and has `now`, at as many cents."""
    for rows in (before, now):
        if rows is not None:
            version = {
                "version_id": f"{dt}/{rows}", "table_name": "raw.x", "dt": dt, "attempt_id": name,
                "location": "x", "format_version": 1, "files": 1, "bytes": 1, "rows": rows,
                "money": {"amount EUR": rows}, "digest": "d", "fingerprint": "f",
                "inputs_digest": "i",
            }  # fmt: skip
            known = sa.select(t.versions).where(t.versions.c.version_id == version["version_id"])
            if connection.execute(known).first() is None:
                connection.execute(t.versions.insert(), version)
    row = {
        "set_id": name, "table_name": "raw.x", "dt": dt, "version_id": f"{dt}/{now}", "epoch": 1,
        "previous_version": None if before is None else f"{dt}/{before}",
        "published_at": CREATED,
    }  # fmt: skip
    connection.execute(t.publications.insert(), row)


def test_the_estimate_is_the_median_of_the_seconds_per_partition(home: Settings) -> None:
    with open_ledger(home).connect() as connection:
        for name, seconds, partitions in (("a", 10, 1), ("b", 8, 2), ("c", 300, 3)):
            attempt(connection, name, seconds)
            for n in range(partitions):
                publish(connection, name, f"2026-03-0{n + 1}", None, 1)
        attempt(connection, "other", 1000, scope="commerce")
        assert plan.seconds_per_partition(connection, ["shop", "staging.shop"]) == 10
        assert plan.seconds_per_partition(connection, ["nobody"]) is None


def test_changes_are_those_of_the_runs_of_the_dag(home: Settings) -> None:
    with open_ledger(home).connect() as connection:
        for name in ("a", "b"):
            attempt(connection, name, 1)
        publish(connection, "a", "2026-03-01", 5, 7)
        publish(connection, "b", "2026-03-01", 7, 6)
        publish(connection, "a", "2026-03-02", None, 3)
        found = published_since(connection, CREATED, f"{DAG}/")
        assert found == [TableChange("raw.x", 2, (5, 9), {"amount EUR": (5, 9)})]
        assert published_since(connection, CREATED + timedelta(seconds=1), f"{DAG}/") == []
        assert published_since(connection, CREATED, "ingest_shop2/") == []


def test_the_folder_of_deliveries_is_named_where_nobody_has_delivered(home: Settings) -> None:
    with pytest.raises(BackfillRefused) as refused:
        plan.plan(home, Request(DAG, ["2020-01-01"]), {})
    assert str(Path(home.landing_root) / "shop") in str(refused.value)
