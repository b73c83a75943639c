"""Landing runs over dates that are published: corrections, changed contracts, poison."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from feeds import COLUMNS, HEADER
from till import BAD, DT, GOOD, Till

from countinghouse import deliveries
from countinghouse.ledger import tables
from countinghouse.publishing.reconcile import reconcile
from countinghouse.settings import Settings
from tests.harness import claimed

WIDER = f"{HEADER},shelf"


@pytest.fixture
def till(installation: Settings, ledger: sa.Engine, tmp_path: Path) -> Till:
    return Till(installation, ledger, tmp_path)


@pytest.fixture
def rows(session: Any) -> Callable[[str], list[tuple[Any, ...]]]:
    def found(query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in session.sql(query).collect()]

    return found


def test_fault_108_rows_that_move_to_another_business_date_are_published(
    till: Till, rows: Any
) -> None:
    contract = till.landed(GOOD)
    paris = {"column": "sold_at", "source_zone": "UTC", "zone": "Europe/Paris"}
    moved = till.contract(business_date=paris)
    assert (moved.feed.raw, DT) in till.land(moved).published
    assert rows(f"select _business_date from {contract.feed.raw}") == [("2026-03-03",)]
    with till.ledger.connect() as connection:
        query = sa.select(tables.slices.c.business_date)
        days = connection.execute(query.where(tables.slices.c.source == contract.feed.raw))
        assert days.scalars().all() == ["2026-03-03"]


def test_a_correction_that_changes_only_an_undeclared_column_is_published(
    till: Till, rows: Any
) -> None:
    contract = till.landed(GOOD)
    shelf = f"select _extra['shelf'] from {contract.feed.raw}"
    assert rows(shelf) == [(None,)]
    for found in ("left", "right"):
        till.deliver(contract, f"{GOOD},{found}", header=WIDER)
        assert not till.land(contract).failed
        assert rows(shelf) == [(found,)]


def test_a_correction_that_adds_only_a_bad_row_is_conserved(till: Till, rows: Any) -> None:
    contract = till.landed(GOOD)
    till.deliver(contract, GOOD, BAD)
    assert not till.land(contract).failed
    assert len(rows(f"select * from {contract.feed.quarantine}")) == 1
    kept = tables.conservation.c
    query = sa.select(kept.rows_in, kept.rows_out, kept.rows_quarantined).join_from(
        tables.conservation, tables.pointers, tables.pointers.c.version_id == kept.version_id
    )
    with till.ledger.connect() as connection:
        found = connection.execute(query.where(kept.table_name == contract.feed.raw)).all()
    assert [tuple(row) for row in found] == [(2, 1, 1)]


def test_a_tighter_contract_keeps_what_was_published_under_the_wider_one(
    till: Till, rows: Any
) -> None:
    wide = till.landed(GOOD)
    till.deliver(wide, GOOD.replace("10.00", "20.00"), BAD)
    till.land(wide)
    tight = till.contract(refuse_above=0)
    report = till.land(tight)
    assert report.failed
    assert [item.table for item in report.blocked] == [tight.feed.raw]
    amount = f"select cast(amount as string) from {wide.feed.raw}"
    assert rows(amount) == [("20.000",)]
    # The wider one again: as if nothing had been.
    assert not till.land(wide).failed
    assert rows(amount) == [("20.000",)]


def test_a_refused_delivery_is_landed_when_the_contract_is_mended(till: Till, rows: Any) -> None:
    tight = till.contract(refuse_above=0)
    till.deliver(tight, GOOD, BAD)
    assert till.land(tight).refused
    wide = till.contract()
    (again,) = deliveries.readmit_refused(till.ledger, till.settings, wide.feed)
    assert not again.refused
    assert not till.land(wide).failed
    assert rows(f"select id from {wide.feed.raw}") == [("a",)]
    assert deliveries.readmit_refused(till.ledger, till.settings, wide.feed) == []


def test_fault_75_a_feed_whose_sums_overflow_does_not_stop_the_others(
    till: Till, rows: Any
) -> None:
    # Their sum is more than 64 bits of minor units.
    poison = till.contract(columns=COLUMNS | {"amount": "decimal(18,2)"})
    most = "9" * 16 + ".99"
    till.deliver(poison, *(GOOD.replace("a,1,10.00", f"a{n},1,{most}") for n in range(12)))
    other = Till(till.settings, till.ledger, till.folder)
    sound = other.contract()
    other.deliver(sound, GOOD)
    report = till.land(poison, sound)
    assert [(item.table, item.rule) for item in report.blocked] == [
        (poison.feed.raw, "can be landed")
    ]
    assert "OVERFLOW" in report.blocked[0].message
    assert rows(f"select id from {sound.feed.raw}") == [("a",)]


@pytest.mark.parametrize("layer", ["raw", "quarantine"])
def test_what_landing_wrote_and_storage_lost_is_landed_again(
    till: Till, rows: Any, layer: str
) -> None:
    contract = till.landed(GOOD, BAD)
    table = getattr(contract.feed, layer)
    before = rows(f"select * from {table}")
    version = tables.versions.c
    query = sa.select(version.location).where(version.table_name == table)
    with till.ledger.connect() as connection:
        place = connection.execute(query).scalar_one()
    (till.settings.warehouse / place).rename(till.folder / "vanished")
    reconcile(till.settings)
    assert (table, DT) in till.land(contract).published
    assert rows(f"select * from {table}") == before


def test_fault_29_what_a_scheduled_run_lands_is_left_to_it(till: Till, rows: Any) -> None:
    contract = till.landed(GOOD)
    till.deliver(contract, GOOD.replace("10.00", "20.00"))
    amount = f"select cast(amount as string) from {contract.feed.raw}"
    mine = [(contract.feed.raw, DT), (contract.feed.quarantine, DT)]
    with claimed(till.settings, mine, run_id="scheduled"):
        report = till.land(contract)
        assert (report.published, report.failed) == ([], False)
        assert rows(amount) == [("10.000",)]
    # The other run has ended without it.
    assert (contract.feed.raw, DT) in till.land(contract).published
    assert rows(amount) == [("20.000",)]
