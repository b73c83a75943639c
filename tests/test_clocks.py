"""A host whose clock is put back by a day: positions and epochs make the order, never time."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from feeds import contract_of, csv_of, deliver

from countinghouse import deliveries
from countinghouse.deliveries import delivery_folders
from countinghouse.gates import data_docs
from countinghouse.ledger import pointer_log, published, tables
from countinghouse.ledger.holds import Hold
from countinghouse.publishing.reconcile import reconcile
from countinghouse.publishing.rollback import release, rollback
from countinghouse.questions import history
from countinghouse.settings import Settings
from tests.harness import publish_numbers, read_numbers

DAY = "2026-01-01"
A_DAY = dt.timedelta(days=1)


@pytest.fixture
def put_clock_back(ledger: sa.Engine) -> Iterator[Callable[[], None]]:
    """Makes whatever the ledger knows a day later than what is written from now on."""
    days = [0]

    def put_back() -> None:
        _move(ledger, A_DAY)
        days[0] += 1

    yield put_back
    _move(ledger, -days[0] * A_DAY)


def _move(ledger: sa.Engine, by: dt.timedelta) -> None:
    with ledger.begin() as connection:
        for table in tables.metadata.sorted_tables:
            times = [c for c in table.columns if isinstance(c.type, sa.DateTime)]
            if times:
                connection.execute(table.update().values({c: c + by for c in times}))


def test_fault_89_publications_are_ordered_by_epoch_when_the_clock_was_put_back(
    installation: Settings, ledger: sa.Engine, session: Any, put_clock_back: Callable[[], None]
) -> None:
    table = "marts.clock_back"
    (first,) = publish_numbers(installation, table, {DAY: [1]}, run_id="before")
    put_clock_back()
    (second,) = publish_numbers(installation, table, {DAY: [2, 3]}, run_id="after")

    newest, older = history.history(installation, table, DAY)
    assert newest.at < older.at
    assert (newest.version_id, newest.state) == (second.version_id, "published")
    assert (newest.epoch, older.epoch) == (older.epoch + 1, older.epoch)
    assert published.last_run(ledger, [table]) == "after"
    assert [line for line in reconcile(installation) if table in line] == []
    assert read_numbers(session, table) == {DAY: [2, 3]}
    back = rollback(installation, table, DAY, hold=Hold("wrong", "me"))
    assert (back.before, back.now) == (second.version_id, first.version_id)
    release(installation, table, DAY)


def test_fault_89_the_newest_gate_is_shown_when_the_clock_was_put_back(
    ledger: sa.Engine, put_clock_back: Callable[[], None]
) -> None:
    for attempt in ("before", "after"):
        row = {"attempt_id": attempt, "table_name": "marts.clock_gate", "dt": DAY, "gate": "gx"}
        row |= {"rule": "r", "severity": "block", "passed": True, "observed": {}}
        with ledger.begin() as connection:
            connection.execute(tables.gate_results.insert().values(row))
        put_clock_back()
    shown = {page.attempt_id for page in data_docs.pages(ledger) if page.table.endswith("_gate")}
    assert shown == {"after"}


def test_fault_89_deliveries_are_ordered_by_position_and_read_a_day_early(
    installation: Settings,
    ledger: sa.Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    put_clock_back: Callable[[], None],
) -> None:
    settings = installation.model_copy(update={"landing": tmp_path / "landing"})
    contract = contract_of(tmp_path / "project", "till_clock")
    now = dt.datetime.now(dt.UTC)
    today, tomorrow = now.date().isoformat(), (now + A_DAY).date().isoformat()

    class Yesterday(dt.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> dt.datetime:
            return now.astimezone(tz) - A_DAY

    monkeypatch.setattr(delivery_folders, "datetime", Yesterday)
    positions = []
    for amount in ("1.00", "2.00"):
        for day in (today, tomorrow):
            deliver(settings.landing_root, contract, day, csv_of(f"a,1,{amount},EUR,{day} 09:00,"))
        found = deliveries.discover(settings, contract)
        assert [arrival.dt for arrival in found] == [today]
        accepted = deliveries.accept(ledger, settings, contract, found[0])
        assert accepted is not None
        positions.append(accepted.position)
        put_clock_back()
    (newest,) = deliveries.current(ledger, contract.feed)[today]
    assert (newest.position, newest.version) == (max(positions), 2)
    assert positions == sorted(positions)


def logged_set(set_id: str, decided_at: str, *claimed: tuple[str, int]) -> dict[str, Any]:
    rows = [{"table_name": "marts.x", "dt": dt, "epoch": epoch} for dt, epoch in claimed]
    return {"set_id": set_id, "decided_at": decided_at, "intents": rows}


def test_fault_89_a_rebuilt_ledger_takes_sets_by_epoch_when_the_clock_was_put_back() -> None:
    logged = [
        logged_set("c", "2026-01-01T10:00", (DAY, 2), ("2026-01-02", 1)),
        logged_set("a", "2026-01-02T09:00", ("2026-01-03", 1)),
        logged_set("d", "2026-01-01T11:00", (DAY, 10)),
        logged_set("b", "2026-01-02T10:00", (DAY, 1)),
        logged_set("e", "2026-01-01T12:00"),
    ]
    ids = [content["set_id"] for content in pointer_log.in_order(logged)]
    assert sorted(ids) == list("abcde")
    assert [one for one in ids if one in "bcd"] == ["b", "c", "d"]


def test_fault_89_without_a_turned_clock_a_rebuilt_ledger_takes_sets_by_time() -> None:
    logged = [
        logged_set(f"{n:02d}", f"2026-01-{n:02d}", (f"2026-01-{n % 4 + 1:02d}", n))
        for n in range(1, 29)
    ]
    assert pointer_log.in_order(logged[::-1]) == logged
