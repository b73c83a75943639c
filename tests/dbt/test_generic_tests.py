"""Each generic dbt test passes on clean rows and fails on the rows that break its rule."""

from pathlib import Path
from typing import Any

from countinghouse.dbt.dbt_build import NodeResult

CHECKED, STG = "marts.fct_checked", "staging.stg_shop__orders"
REJECTED = "staging.stg_shop__orders__rejected"
FIRST, SECOND, THIRD, OLD = "2026-01-01", "2026-01-02", "2026-01-03", "2025-12-31"
RULES = {
    *("combination", "expression", "gaps", "intervals", "sums", "uniqueness", "relation"),
    *("presence", "range", "words"),
}


def pin(attempt: Any, relation: str, columns: str, rows: dict[str, str]) -> dict[str, Path]:
    """Publish rows by date without building them."""
    places = {}
    for dt, values in rows.items():
        places[dt] = attempt.root / "published" / relation / f"dt={dt}"
        attempt.session.sql(f"select * from values {values} as t({columns})").coalesce(
            1
        ).write.parquet(str(places[dt]))
    return places


def check(attempt: Any, orders: dict[str, str]) -> dict[str, NodeResult]:
    pins = {
        STG: pin(attempt, STG, "order_id, email, amount_minor, currency", orders),
        REJECTED: pin(attempt, REJECTED, "order_id", {FIRST: "(1L), (2L), (3L), (4L), (5L)"}),
        CHECKED: pin(
            attempt,
            CHECKED,
            "order_id, email, amount_minor, currency",
            {OLD: "(99L, cast(null as string), -1L, 'XXX')"},
        ),
    }
    attempt.branch([FIRST, SECOND, THIRD], [CHECKED], pins)
    results = attempt.run(CHECKED)
    assert results[CHECKED].status == "success", results[CHECKED].message
    return {name: result for name, result in results.items() if name in RULES}


def told(found: dict[str, NodeResult]) -> dict[str, tuple[Any, ...]]:
    return {name: (r.status, r.failures, r.failed_dts) for name, r in found.items()}


def test_clean_rows_pass_every_test(attempt: Any) -> None:
    found = check(
        attempt,
        {
            FIRST: "(1L, 'a', 100L, 'USD')",
            SECOND: "(2L, 'b', 200L, 'USD'), (3L, 'c', 300L, 'EUR')",
            THIRD: "(4L, 'd', 400L, 'USD')",
        },
    )

    assert told(found) == dict.fromkeys(RULES, ("pass", 0, None))


def test_every_broken_rule_is_found_with_its_date(attempt: Any) -> None:
    found = check(
        attempt,
        {
            # A day without EUR on the 2nd; 13 cents get lost.
            FIRST: "(1L, 'a', 100L, 'EUR'), (2L, 'b', 13L, 'EUR')",
            # One order twice; the second is not a hundred times its number.
            SECOND: "(5L, 'e', 500L, 'USD'), (5L, 'e', 600L, 'USD')",
            # Unknown number and word, no address, too much.
            THIRD: "(9L, cast(null as string), 900L, 'GBP'), (3L, 'c', 2000L, 'EUR')",
        },
    )

    assert told(found) == {
        "combination": ("fail", 1, (SECOND,)),
        "expression": ("fail", 2, (SECOND, THIRD)),
        "gaps": ("fail", 1, (THIRD,)),
        "intervals": ("fail", 1, (SECOND,)),
        "sums": ("fail", 1, (FIRST,)),
        "uniqueness": ("fail", 1, (SECOND,)),
        "relation": ("fail", 1, (THIRD,)),
        "presence": ("fail", 1, (THIRD,)),
        "range": ("fail", 1, (THIRD,)),
        "words": ("fail", 1, (THIRD,)),
    }
    assert found["range"].sample == "dt=2026-01-03, amount_minor=2000"
