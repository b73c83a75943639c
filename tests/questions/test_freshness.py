"""What the page of freshness and staleness says, on a ledger without an engine."""

import datetime as dt
import json

import ledgers
import pytest
import sqlalchemy as sa

from countinghouse.dbt import dbt_manifest
from countinghouse.ledger import tables
from countinghouse.questions.freshness import Freshness, Report, freshness
from countinghouse.settings import Settings

NOW = dt.datetime(2026, 3, 10, 18, tzinfo=dt.UTC)
DAY = "2026-03-09"


def of(report: Report, table: str) -> Freshness:
    (found,) = [one for one in report.tables if one.table == table]
    return found


def test_nothing_stale_nothing_late(asked: Settings, ledger: sa.Engine, parsed: None) -> None:
    ledgers.fill_a_year(asked, ledger, DAY, days=3)

    report = freshness(asked, now=NOW)

    sales = of(report, "marts.rpt_sales_daily")
    assert (sales.newest, sales.partitions, sales.states) == (DAY, 3, ("current",))
    assert sales.published_at is not None
    assert report.stale == 0
    assert list(report.by_layer) == ["marts", "intermediate", "staging", "raw"]


def test_a_missing_feed_makes_everything_above_it_late(
    asked: Settings, ledger: sa.Engine, parsed: None
) -> None:
    ledgers.fill_a_year(asked, ledger, DAY, days=3)
    last = tables.deliveries.delete().where(
        tables.deliveries.c.feed == "shop.orders", tables.deliveries.c.dt == DAY
    )
    with ledger.begin() as connection:
        connection.execute(last)

    report = freshness(asked, now=NOW)

    late = {one.table for one in report.tables if one.overdue}
    assert {"raw.shop__orders", "marts.fct_order_lines", "marts.rpt_sales_daily"} <= late
    assert {"raw.shop__products", "marts.fct_fx_rates_daily"}.isdisjoint(late)
    (overdue,) = of(report, "raw.shop__orders").overdue
    assert (str(overdue.feed), overdue.first, overdue.last, overdue.days) == (
        "shop.orders",
        DAY,
        DAY,
        1,
    )
    before_deadline = freshness(asked, now=NOW.replace(hour=11, minute=59))
    assert not of(before_deadline, "raw.shop__orders").overdue


def test_a_refused_delivery_is_none(asked: Settings, ledger: sa.Engine, parsed: None) -> None:
    ledgers.delivery(ledger, "shop.orders", DAY, status="refused", reason="r")

    assert of(freshness(asked, now=NOW), "raw.shop__orders").overdue[0].last == DAY

    ledgers.delivery(ledger, "shop.orders", DAY, version=2)
    ledgers.delivery(ledger, "shop.orders", DAY, version=3, status="refused", reason="r")

    # Its correction was refused; what came before counts.
    assert of(freshness(asked, now=NOW), "raw.shop__orders").overdue == ()


def test_stale_partitions_have_a_reason_and_since_when(
    asked: Settings, ledger: sa.Engine, parsed: None
) -> None:
    ledgers.fill_a_year(asked, ledger, DAY, days=3)
    ledgers.delivery(ledger, "shop.orders", DAY, version=2, digest="corrected")
    key = f"raw.shop__orders {DAY}"
    memory = asked.run / "stale.json"
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(json.dumps({"at": NOW.isoformat(), "since": {key: NOW.isoformat()}}))

    report = freshness(asked, now=NOW)
    memory.unlink()

    orders = of(report, "raw.shop__orders")
    (stale,) = orders.stale
    assert (stale.reason, stale.first, stale.partitions, stale.since) == (
        "deliveries changed",
        DAY,
        1,
        NOW,
    )
    assert orders.states == ("stale",)
    assert report.stale == 1


def test_a_hold_says_who_and_why(asked: Settings, ledger: sa.Engine, parsed: None) -> None:
    hold = {"dt": DAY, "version_id": "v", "reason": "wrong rates", "owner": "finance"}
    table = "marts.fct_fx_rates_daily"
    ledgers.insert(ledger, tables.holds, [hold | {"table_name": table}])
    ledgers.insert(
        ledger, tables.holds, [hold | {"table_name": table, "dt": "2026-03-08", "released_at": NOW}]
    )

    found = of(freshness(asked, now=NOW), table)

    assert [(held.dt, held.reason, held.owner) for held in found.held] == [
        (DAY, "wrong rates", "finance")
    ]
    assert "held" in found.states


def test_before_dbt_has_read_the_models_the_page_says_so(
    asked: Settings, ledger: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledgers.published(ledger, "marts.rpt_sales_daily", DAY)
    monkeypatch.setattr(dbt_manifest, "is_parsed", lambda settings: False)

    report = freshness(asked, now=NOW)

    assert not report.complete
    assert of(report, "marts.rpt_sales_daily").newest == DAY


def test_without_any_data_every_table_says_that_it_was_never_published(
    asked: Settings, ledger: sa.Engine, parsed: None
) -> None:
    report = freshness(asked, now=NOW)

    assert len(report.tables) > 30
    assert {one.states for one in report.tables} == {("never published",)}
    assert list(report.tables) == report.waiting


def test_a_system_that_has_never_delivered_makes_nothing_late(
    asked: Settings, ledger: sa.Engine, parsed: None
) -> None:
    ledgers.delivery(ledger, "shop.orders", DAY)

    late = {one.table for one in freshness(asked, now=NOW).tables if one.overdue}

    # The other feeds of the shop were expected with it; none of the advertising platforms was.
    assert {"raw.shop__order_items", "marts.fct_order_lines"} <= late
    assert not [table for table in late if "_ads__" in table or table.startswith("marts.dim_ad")]
