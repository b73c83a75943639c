"""The relations of a branch."""

import datetime as dt
from decimal import Decimal
from typing import Any

from countinghouse.planning.model_graph import Column
from countinghouse.planning.pinning import RunDate
from countinghouse.publishing import branch

FIRST, SECOND, EMPTY = "2026-01-01", "2026-01-02", "2026-01-03"


def test_pinned_partitions_read_as_they_were_written(attempt: Any) -> None:
    first = attempt.land(FIRST, "(1, 1.50, 1), (2, 2.00, 2)")
    second = attempt.land(SECOND, "(3, 3.00, 1)")

    attempt.branch([], [], {"raw.shop__orders": {FIRST: first, SECOND: second}})

    assert attempt.rows(
        "select order_id, amount, ordered_at, _extra, dt from {b}.shop__orders where order_id = 1"
    ) == [(1, Decimal("1.50"), dt.datetime(2026, 1, 1, 10), {"k": "v"}, FIRST)]
    assert attempt.rows("select dt, count(*) from {b}.shop__orders group by dt order by dt") == [
        (FIRST, 2),
        (SECOND, 1),
    ]


def test_a_column_that_is_younger_than_a_file_reads_as_null(attempt: Any) -> None:
    place = attempt.land(FIRST, "(1, 1.50, 1)")

    attempt.branch([], [], {"raw.shop__orders": {FIRST: place}})

    assert attempt.rows("select note, order_id from {b}.shop__orders") == [(None, 1)]


def test_a_published_date_without_rows_reads_as_no_rows(attempt: Any) -> None:
    place = attempt.root / "raw.shop__orders" / f"dt={EMPTY}"
    place.mkdir(parents=True)
    (place / "_manifest.json").write_text("{}")

    attempt.branch([], [], {"raw.shop__orders": {EMPTY: place}})

    assert attempt.rows("select * from {b}.shop__orders") == []


def test_a_relation_that_nobody_published_is_empty(attempt: Any) -> None:
    attempt.branch([], [], {})

    assert attempt.rows("select count(*) from {b}.shop__orders") == [(0,)]
    assert attempt.rows("select count(*) from {b}.rpt_total") == [(0,)]


def test_an_unpartitioned_relation_is_its_pinned_version(attempt: Any) -> None:
    place = attempt.root / "totals"
    attempt.session.sql("select 7L as amount_minor, 'USD' as currency").write.parquet(str(place))

    attempt.branch([], [], {"marts.rpt_total": {"all": place}})

    assert attempt.rows("select * from {b}.rpt_total") == [(7, "USD")]


def test_hundreds_of_dates_are_pinned_and_dropped_without_their_files(attempt: Any) -> None:
    place = attempt.land(FIRST, "(1, 1.50, 1)")
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(600)]

    attempt.branch([], [], {"raw.shop__orders": {day.isoformat(): place for day in days}})
    assert attempt.rows("select count(*), count(distinct dt) from {b}.shop__orders") == [(600, 600)]

    branch.drop(attempt.session, attempt.schema)
    assert list(place.glob("*.parquet"))


def test_a_query_names_hundreds_of_dates(attempt: Any) -> None:
    place = attempt.land(FIRST, "(1, 1.50, 1)")
    days = [(dt.date(2024, 1, 1) + dt.timedelta(days=n)).isoformat() for n in range(800)]
    attempt.branch([], [], {"raw.shop__orders": dict.fromkeys(days, place)})

    named = ", ".join(f"'{day}'" for day in days[1:])
    query = f"select count(*), min(dt) from {{b}}.shop__orders where dt in ({named})"
    assert attempt.rows(query) == [(799, days[1])]


def test_a_path_with_a_quote_is_text_and_not_sql(attempt: Any) -> None:
    place = attempt.root / "it's" / f"dt={FIRST}"
    attempt.session.sql("select 1L as n").write.parquet(str(place))

    branch.create(
        attempt.session,
        schema=attempt.schema,
        attempt_root=attempt.root / "it's",
        run_dates={"marts.t": [RunDate(FIRST)]},
        pins={"marts.t": {FIRST: place}},
        columns={"marts.t": (Column("n", "bigint"), Column("dt", "string"))},
    )

    assert attempt.rows("select n, dt from {b}.t") == [(1, FIRST)]
    assert attempt.rows("select * from {b}.run_dates") == [("t", FIRST, None, None)]
