"""Builds that are killed in the middle of dbt, that meet another one, and that warn."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import alerted
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from countinghouse.dbt import dbt_session
from countinghouse.dbt.dbt_manifest import invoke, project_dir
from countinghouse.dbt.dbt_session import statements_in
from countinghouse.engine_session import new_session_id
from countinghouse.ledger.tables import publications
from countinghouse.publishing.version import DIRECTORY
from countinghouse.settings import Settings
from tests.faults.kiosk import MOMENTS, Kiosk, day, open_kiosk, sold

# Long enough for another process to come as far.
SLOW = "mid_write:sleep=3"


@pytest.fixture(scope="module")
def kiosk(
    installation: Settings, ledger: sa.Engine, tmp_path_factory: pytest.TempPathFactory
) -> Kiosk:
    """Two days are published; each test corrects the second and adds days of its own."""
    opened = open_kiosk(installation, ledger, tmp_path_factory.mktemp("kiosk"))
    opened.land(d02=2, d03=1)
    assert not opened.build().failed
    return opened


@pytest.mark.parametrize(("table", "when"), MOMENTS)
def test_fault_19_fault_20_a_build_killed_in_a_model_leaves_the_old_mart_and_runs_again(
    kiosk: Kiosk, session: Any, table: int, when: str
) -> None:
    before = kiosk.shown(session)
    (lines, _) = before[day("d03")]
    kiosk.land(d03=lines + 1)
    with kiosk.builder(table=table, when=when) as killed:
        while killed.process.is_alive():
            assert kiosk.shown(session) == before
        killed.wait_until_killed()
    assert kiosk.shown(session) == before

    # The same command again, and nobody has tidied up.
    again = kiosk.build()

    assert (kiosk.sums, day("d03")) in again.published, again.summary()
    assert kiosk.shown(session) == before | sold(d03=lines + 1)


def test_fault_6_rows_of_a_task_that_was_committed_twice_are_kept_back(
    kiosk: Kiosk, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kiosk.shown(session)
    kiosk.land(d10=2)
    execute = dbt_session._Cursor.execute

    def twice(cursor: Any, sql: str, *parameters: Any) -> None:
        execute(cursor, sql, *parameters)
        if "create table branch_" in sql and kiosk.staged in sql:
            cursor.fetchall()
            (part,) = (kiosk.settings.warehouse / DIRECTORY).glob(
                f"*/{kiosk.staged}/dt={day('d10')}/*.parquet"
            )
            shutil.copy(part, part.with_name("part-again.parquet"))

    monkeypatch.setattr(dbt_session._Cursor, "execute", twice)
    kept_back = kiosk.build()
    monkeypatch.undo()
    assert {item.rule for item in kept_back.blocked} == {"a_line_is_sold_once"}
    assert kept_back.published == []
    assert kiosk.shown(session) == before
    assert not kiosk.build("2026-03-10", "2026-03-10").failed
    assert kiosk.shown(session) == before | sold(d10=2)


def test_fault_52_fault_53_a_warning_is_published_and_told_though_channels_are_dead(
    kiosk: Kiosk, session: Any, alerts: Callable[[], list[dict[str, Any]]]
) -> None:
    before = kiosk.shown(session)
    kiosk.land(d08=12)
    nobody = {
        "notify_webhook_url": SecretStr("http://127.0.0.1:9/hook"),
        "notify_smtp_url": SecretStr("smtp://127.0.0.1:9/?from=a@example.com&to=b@example.com"),
    }
    settings = kiosk.settings.model_copy(update=nobody)

    assert not replace(kiosk, settings=settings).build().failed

    assert kiosk.shown(session) == before | sold(d08=12)
    told = [alert for alert in alerts() if alert["table"] == kiosk.sums]
    assert [(a["partition"], a["rule"], a["severity"]) for a in told] == [
        (day("d08"), "few_lines_are_sold", "warn")
    ]
    lines = alerted.lines(kiosk.settings)
    failed = {line["channel_failed"] for line in lines if "channel_failed" in line}
    assert failed == {"SmtpNotifier", "WebhookNotifier"}


def test_fault_55_what_dbt_would_retry_is_nowhere(
    kiosk: Kiosk, session: Any, tmp_path: Path
) -> None:
    before = kiosk.shown(session)
    kiosk.land(d04=1)
    with kiosk.builder(table=2, when="before") as killed:
        killed.wait_until_killed()
    target = project_dir(kiosk.settings) / "target"
    assert not list(kiosk.settings.project.rglob("run_results.json"))
    # Typed by hand: from nothing, and from what a stranger's run has left.
    with statements_in(kiosk.settings, new_session_id()):
        nothing = invoke(kiosk.settings, ["retry"], target)
        assert "Could not find previous run" in str(nothing.exception)
        refused = invoke(kiosk.settings, ["run"], target)
        assert not refused.success
        again = invoke(kiosk.settings, ["retry"], target)
    assert "countinghouse build" in str([r.message for r in again.result.results])
    assert kiosk.shown(session) == before
    stale = (target / "run_results.json").read_bytes()

    assert not kiosk.build().failed

    assert (target / "run_results.json").read_bytes() == stale
    assert kiosk.shown(session) == before | sold(d04=1)


def test_fault_33_of_two_builds_of_one_selection_one_publishes(
    kiosk: Kiosk, ledger: sa.Engine, session: Any
) -> None:
    before = kiosk.shown(session)
    kiosk.land(d05=3)
    with kiosk.builder(failpoint=SLOW) as one, kiosk.builder(failpoint=SLOW) as other:
        published = sorted([one.ended(), other.ended()])
    assert published == [[], [(kiosk.sums, day("d05")), (kiosk.staged, day("d05"))]]
    assert kiosk.shown(session) == before | sold(d05=3)
    query = sa.select(sa.func.count()).where(
        publications.c.table_name == kiosk.sums, publications.c.dt == day("d05")
    )
    with ledger.connect() as connection:
        assert connection.execute(query).scalar_one() == 1


def test_fault_34_one_model_in_two_branches_of_one_engine_is_two_tables(
    kiosk: Kiosk, session: Any
) -> None:
    before = kiosk.shown(session)
    kiosk.land(d06=4, d07=5)
    days = [(day(name), day(name)) for name in ("d06", "d07")]
    with (
        kiosk.builder(*days[0], failpoint=SLOW) as one,
        kiosk.builder(*days[1], failpoint=SLOW) as other,
    ):
        published = [one.ended(), other.ended()]
    for found, (dt, _) in zip(published, days, strict=True):
        assert found == [(kiosk.sums, dt), (kiosk.staged, dt)]
    assert kiosk.shown(session) == before | sold(d06=4, d07=5)
