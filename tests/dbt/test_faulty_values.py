"""Values that no model bends: sums and casts that overflow, large keys, a key with most rows."""

import re
import statistics
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import PySparkException

STG, REJECTED, TRAILING = (
    "staging.stg_shop__orders",
    "staging.stg_shop__orders__rejected",
    "marts.rpt_trailing",
)
PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
EVEN, SKEWED = "2026-01-01", "2026-01-02"
ROWS = 200_000
ODD = 2**53 + 1
MOST = "9" * 16 + ".99"


def test_fault_74_what_does_not_fit_its_type_is_an_error_and_not_null(attempt: Any) -> None:
    for cast in ("cast(1000 as decimal(3, 1))", "cast(3000000000L as int)", "cast('1,5' as int)"):
        with pytest.raises(PySparkException, match=r"OUT_OF_RANGE|OVERFLOW|MALFORMED|CAST_INVALID"):
            attempt.rows(f"select {cast}")


@pytest.mark.parametrize("path", sorted(PROJECT.rglob("*.sql")), ids=lambda path: path.stem)
def test_fault_74_no_model_asks_for_null_in_place_of_an_error(path: Path) -> None:
    assert not re.search(r"\btry_[a-z]+\s*\(|\bansi\b", path.read_text(), re.IGNORECASE)


def test_fault_75_sums_of_decimals_are_wider_than_their_amounts(attempt: Any) -> None:
    amounts = f"values (cast({MOST} as decimal(18, 2))), ({MOST}), ({MOST}) as t(amount)"
    assert attempt.rows(f"select sum(amount), typeof(sum(amount)) from {amounts}") == [
        (3 * Decimal(MOST), "decimal(28,2)")
    ]
    widest = f"cast({'9' * 38} as decimal(38, 0))"
    for overflowing in (f"sum(n) from values ({widest}), ({widest}) as t(n)", f"{widest} * 10"):
        with pytest.raises(PySparkException, match=r"OUT_OF_RANGE|OVERFLOW"):
            attempt.rows(f"select {overflowing}")


def test_fault_82_keys_beyond_a_double_stay_apart_in_a_model(attempt: Any) -> None:
    near = [ODD - 1, ODD, ODD + 1, 2**63 - 1, 2**63 - 2]
    rows = ", ".join(f"({key}, {n}.00, {n})" for n, key in enumerate(near))
    attempt.branch([EVEN], [STG, REJECTED], {"raw.shop__orders": {EVEN: attempt.land(EVEN, rows)}})

    attempt.run(STG, REJECTED)

    found = attempt.rows("select order_id, amount_minor from {b}.stg_shop__orders")
    assert dict(found) == {key: 100 * n for n, key in enumerate(near)}
    assert attempt.rows("select count(*) from {b}.stg_shop__orders__rejected") == [(0,)]


def order_of(day: str, n: int) -> int:
    """One order has 40 % of the skewed rows; no order is in both days."""
    return n if day == EVEN else ROWS if n % 10 < 4 else ROWS + n


def amount_of(n: int) -> int:
    return n % 997


def deliver_orders(attempt: Any, day: str) -> Path:
    folder = attempt.root / "raw.shop__orders" / f"dt={day}"
    order = f"{ROWS}L + if(id % 10 < 4, 0L, id)" if day == SKEWED else "id"
    attempt.session.sql(
        f"select {order} as order_id, cast((id % 997) / 100 as decimal(18,2)) as amount, "
        f"'a@example.com' as email, timestamp '2026-01-01 10:00:00' as ordered_at, "
        f"'{day}' as _business_date, 1L as _delivery, 1 as _delivery_version, "
        f"'orders.csv' as _source_file, id as _row_number from range({ROWS})"
    ).coalesce(1).write.parquet(str(folder))
    return Path(folder)


def test_fault_81_one_key_with_two_fifths_of_the_rows_is_right_and_in_time(attempt: Any) -> None:
    days = (EVEN, SKEWED)
    raw = {day: deliver_orders(attempt, day) for day in days}
    attempt.branch([*days], [STG, REJECTED, TRAILING], {"raw.shop__orders": raw})

    results = attempt.run(STG, REJECTED, TRAILING)

    assert [(name, r.message) for name, r in results.items() if not r.ok] == []
    totals = "select dt, count(*), sum(amount_minor) from {b}.stg_shop__orders group by dt"
    winners = {day: {order_of(day, n): amount_of(n) for n in range(ROWS)} for day in days}
    assert {day: (rows, total) for day, rows, total in attempt.rows(totals)} == {
        day: (len(found), sum(found.values())) for day, found in winners.items()
    }
    rejected = "select dt, count(*) from {b}.stg_shop__orders__rejected group by dt"
    assert attempt.rows(rejected) == [(SKEWED, ROWS - len(winners[SKEWED]))]
    times = {day: [seconds_of(attempt, day) for _ in range(3)] for day in days}
    assert statistics.median(times[SKEWED]) < 5 * statistics.median(times[EVEN]) + 1


def seconds_of(attempt: Any, day: str) -> float:
    """How long the newest row of each order takes."""
    newest = "row_number() over (partition by _business_date, order_id order by _row_number desc)"
    began = time.monotonic()
    attempt.rows(
        f"select sum(amount) from (select *, {newest} as age from {{b}}.shop__orders "
        f"where dt = '{day}') where age = 1"
    )
    return time.monotonic() - began
