"""Rows that broke their contract: listed, shown, and landed again under the contract of today."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from feeds import contract_of, csv_of, deliver

from countinghouse import deliveries
from countinghouse.contracts import Contract
from countinghouse.errors import BadName, CountinghouseError
from countinghouse.ledger import tables
from countinghouse.questions import quarantined
from countinghouse.runs.land import land
from countinghouse.runs.replay import Counts, Replayed, replay
from countinghouse.settings import Settings

MONDAY, TUESDAY = "2026-03-02", "2026-03-03"
GOOD = "a,1,10.00,EUR,2026-03-02T10:00:00Z,x"
TEN = "b,1,ten,EUR,2026-03-02T10:00:00Z,x"
NOWHERE = "c,1,10.00,EUR,,x"


class Till:
    """A feed of its own: deliver, accept, land, replay."""

    def __init__(self, settings: Settings, ledger: sa.Engine, folder: Path) -> None:
        self.settings = settings.model_copy(update={"landing": folder / "landing"})
        self.ledger = ledger
        self.folder = folder
        self.system = f"till_{uuid.uuid4().hex[:8]}"

    def contract(self, **changes: Any) -> Contract:
        return contract_of(self.folder / uuid.uuid4().hex, self.system, **changes)

    def landed(self, contract: Contract, days: dict[str, tuple[str, ...]]) -> Contract:
        for dt, lines in days.items():
            deliver(self.settings.landing_root, contract, dt, csv_of(*lines))
        for arrival in deliveries.discover(self.settings, contract):
            deliveries.accept(self.ledger, self.settings, contract, arrival)
        assert not land(self.settings, [contract], run_id="test").failed
        return contract

    def replay(self, contract: Contract, dt: str | None = None) -> Any:
        return replay(self.settings, contract, dt, run_id="replay")


@pytest.fixture
def till(installation: Settings, ledger: sa.Engine, tmp_path: Path) -> Till:
    return Till(installation, ledger, tmp_path)


@pytest.fixture
def contract(till: Till) -> Contract:
    return till.landed(till.contract(), {MONDAY: (GOOD, TEN, NOWHERE), TUESDAY: (TEN,)})


def test_rows_reasons_and_age_are_known_without_the_engine(till: Till, contract: Contract) -> None:
    table = contract.feed.quarantine
    in_ten_days = datetime.now(UTC) + timedelta(days=10, hours=1)
    with till.ledger.connect() as connection:
        found = quarantined.quarantined(connection, {table: "shops"}, in_ten_days)
        (mine,) = [one for one in found if one.table == table]
        reasons = quarantined.reasons(till.settings, connection, table)
    assert (mine.rows, mine.dates, mine.first, mine.last) == (3, 2, MONDAY, TUESDAY)
    assert (mine.owner, mine.age_days) == ("shops", 10)
    assert sorted(reasons.values()) == [1, 2]
    (worst,) = [reason for reason, n in reasons.items() if n == 2]
    assert worst.startswith("amount: ")


def test_a_corrected_delivery_begins_to_age_when_it_is_accepted(
    till: Till, contract: Contract
) -> None:
    log = tables.deliveries
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    with till.ledger.begin() as connection:
        mine = log.c.feed == str(contract.feed)
        connection.execute(log.update().where(mine).values(received_at=long_ago))
    with till.ledger.connect() as connection:
        owners: dict[str, str] = {}
        before = quarantined.quarantined(connection, owners, datetime.now(UTC))
    till.landed(contract, {day: (GOOD, TEN) for day in (MONDAY, TUESDAY)})
    with till.ledger.connect() as connection:
        after = quarantined.quarantined(connection, owners, datetime.now(UTC))
    table = contract.feed.quarantine
    assert [one.accepted_at for one in before if one.table == table] == [long_ago]
    assert [one.age_days for one in after if one.table == table] == [0]


def test_a_row_is_shown_with_its_reason_its_place_and_its_text(
    till: Till, contract: Contract
) -> None:
    table = contract.feed.quarantine
    with till.ledger.connect() as connection:
        everything = quarantined.rows(till.settings, connection, table)
        monday = quarantined.rows(till.settings, connection, table, dt=MONDAY)
        first = quarantined.rows(till.settings, connection, table, limit=1)
        same = quarantined.rows(till.settings, connection, table, reason=first[0].reason)
    assert [(r.dt, r.file, r.row_number, r.raw) for r in everything] == [
        (MONDAY, "sales.csv", 2, f"{TEN}\n"),
        (MONDAY, "sales.csv", 3, f"{NOWHERE}\n"),
        (TUESDAY, "sales.csv", 1, f"{TEN}\n"),
    ]
    assert (monday, first) == (everything[:2], everything[:1])
    assert same == [everything[0], everything[2]]


def test_a_feed_with_personal_data_shows_no_text(till: Till) -> None:
    meta = {"note": {"pii": "high"}, "sold_at": {"nullable": False}}
    contract = till.landed(till.contract(meta=meta), {MONDAY: (GOOD, TEN)})
    with till.ledger.connect() as connection:
        (row,) = quarantined.rows(till.settings, connection, contract.feed.quarantine)
    assert (row.row_number, row.raw) == (2, None)


def test_replay_lands_the_archived_bytes_under_the_contract_as_it_is_now(
    till: Till, contract: Contract
) -> None:
    wider = till.contract(
        meta={"currency": {"nullable": False}, "amount": {"null_values": ["ten"]}}
    )
    report, found = till.replay(wider, TUESDAY)
    assert (wider.feed.raw, TUESDAY) in report.published
    assert found == [Replayed(TUESDAY, Counts(0, 1), Counts(1, 0))]


def test_replay_reads_again_although_nothing_changed(till: Till, contract: Contract) -> None:
    report, found = till.replay(contract)
    # Equal content is confirmed, not published again.
    assert not report.published
    assert set(report.confirmed) == {
        (table, dt)
        for table in (contract.feed.raw, contract.feed.quarantine)
        for dt in (MONDAY, TUESDAY)
    }
    assert [one.before == one.after for one in found] == [True, True]


def test_replay_takes_only_the_date_that_it_is_given(till: Till, contract: Contract) -> None:
    report, _ = till.replay(contract, TUESDAY)
    assert {dt for _, dt in report.confirmed} == {TUESDAY}


def test_a_feed_without_bad_rows_has_nothing_to_replay(till: Till) -> None:
    clean = till.landed(till.contract(), {MONDAY: (GOOD,)})
    with pytest.raises(CountinghouseError, match=f"{clean.feed} has no quarantined rows"):
        till.replay(clean)


@pytest.mark.parametrize("word", ["shop.orders", "raw.shop__orders", "quarantine.shop__orders"])
def test_a_feed_may_be_named_by_any_of_its_tables(word: str) -> None:
    assert quarantined.table_of(word) == "quarantine.shop__orders"


@pytest.mark.parametrize("word", ["orders", "shop.or/ders", "raw.shop__or;ders"])
def test_what_names_no_feed_is_refused(word: str) -> None:
    with pytest.raises(BadName):
        quarantined.table_of(word)
