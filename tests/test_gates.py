"""Gates: every blocking rule fails for its planted defect; nothing passes unevaluated."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import great_expectations.expectations as gxe
import pytest
from feeds import contract_of

from countinghouse import gates
from countinghouse.errors import CountinghouseError
from countinghouse.gates import Suite, declared_suite, default_suite, run_suite
from countinghouse.landing.columns import raw_columns
from countinghouse.names import WHOLE
from countinghouse.publishing.publication import Verdict

DAY, NEXT = "2026-03-10", "2026-03-11"
GOOD = {
    "id": "'a'",
    "line": "1",
    "amount": "1.00",
    "currency": "'EUR'",
    "sold_at": "timestamp'2026-03-10 09:00:00'",
    "note": "'n'",
    "_business_date": "'2026-03-10'",
    "_extra": "map()",
    "_delivery": "1",
    "_delivery_version": "1",
    "_delivery_sequence": "0",
    "_source_file": "'f'",
    "_row_number": "1",
    "dt": f"'{DAY}'",
}
Frame = Callable[..., Any]


@pytest.fixture
def contract(tmp_path: Path) -> Any:
    meta = {"sold_at": {"nullable": False}, "note": {"allowed": ["n", "m"]}}
    return contract_of(tmp_path, meta=meta)


@pytest.fixture
def frame(session: Any, contract: Any) -> Frame:
    def made(*rows: dict[str, str]) -> Any:
        columns = raw_columns(contract)
        selects = [
            "select "
            + ", ".join(f"cast({(GOOD | row)[c.name]} as {c.type}) as {c.name}" for c in columns)
            for row in rows
        ]
        return session.sql(" union all ".join(selects))

    return made


def verdict(frame: Any, suite: Suite, rows: int = 1) -> Verdict:
    return run_suite(frame, suite, [DAY], expected_rows={DAY: rows})[DAY]


def test_clean_rows_raise_no_alarm(frame: Frame, contract: Any) -> None:
    found = verdict(frame({}), default_suite(contract))
    assert found.passed
    assert found.failures == []
    assert all(result["passed"] for result in found.results)


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("id", "null", "id is there"),
        ("line", "null", "line is there"),
        ("sold_at", "null", "sold_at is there"),
        ("_business_date", "null", "_business_date is there"),
        ("_delivery", "null", "_delivery is there"),
        ("_row_number", "null", "_row_number is there"),
        ("note", "'x'", "note is a declared value"),
        ("currency", "'XYZ'", "currency is a declared value"),
    ],
)
def test_each_default_rule_blocks_its_defect(
    frame: Frame, contract: Any, column: str, value: str, rule: str
) -> None:
    found = verdict(frame({}, {column: value}), default_suite(contract), rows=2)
    assert not found.passed
    assert [failure.split(" (")[0] for failure in found.failures] == [rule]


def test_fewer_rows_than_landed_block(frame: Frame, contract: Any) -> None:
    found = verdict(frame({}), default_suite(contract), rows=2)
    assert found.failures == ["as many rows as landed (rows 1, expected 2)"]


def test_fault_50_no_rows_block_unless_none_were_landed(frame: Frame, contract: Any) -> None:
    empty = frame({}).where("false")
    assert not verdict(empty, default_suite(contract), rows=1).passed
    assert verdict(empty, default_suite(contract), rows=0).passed
    unsaid = run_suite(empty, default_suite(contract), [DAY], expected_rows={})
    assert not unsaid[DAY].passed


def test_fault_49_a_suite_without_rules_blocks(frame: Frame) -> None:
    assert verdict(frame({}), Suite("raw.x", ())).failures == ["the suite has rules"]


def test_fault_48_a_rule_that_cannot_be_evaluated_blocks(frame: Frame) -> None:
    suite = Suite("raw.x", (gxe.ExpectColumnValuesToNotBeNull(column="renamed"),))
    (failure,) = verdict(frame({}), suite).failures
    assert "could not be evaluated" in failure


def test_a_rule_without_a_result_blocks(
    frame: Frame, contract: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates.gx_run, "_validated", lambda *_: {})
    assert "was not evaluated" in verdict(frame({}), default_suite(contract)).failures[0]


def test_only_the_bad_date_of_a_batch_is_blocked(frame: Frame, contract: Any) -> None:
    days = [f"2026-03-{n:02d}" for n in range(10, 15)]
    rows = [{"dt": f"'{day}'"} for day in days]
    rows[3]["id"] = "null"
    found = run_suite(
        frame(*rows), default_suite(contract), days, expected_rows=dict.fromkeys(days, 1)
    )
    assert {day: v.passed for day, v in found.items()} == {day: day != days[3] for day in days}
    (failure,) = found[days[3]].failures
    assert failure.startswith("id is there")


def test_shares_are_taken_per_date_whatever_is_built_together(frame: Frame) -> None:
    mostly = gxe.ExpectColumnValuesToNotBeNull(column="note", mostly=0.6)
    rows = [{}] * 9 + [{"dt": f"'{NEXT}'", "note": "null"}]
    found = run_suite(
        frame(*rows), Suite("raw.x", (mostly,)), [DAY, NEXT], expected_rows={DAY: 9, NEXT: 1}
    )
    assert {day: v.passed for day, v in found.items()} == {DAY: True, NEXT: False}


def test_warnings_are_told_and_do_not_block(frame: Frame, contract: Any) -> None:
    warn = gxe.ExpectColumnValuesToBeInSet(column="id", value_set=["z"], description="known ids")
    suite = default_suite(contract) + Suite("raw.x", (), (warn,))
    found = verdict(frame({}), suite)
    assert found.passed
    (told,) = [result for result in found.results if not result["passed"]]
    assert (told["rule"], told["severity"]) == ("known ids", "warn")


def test_an_unpartitioned_table_has_one_verdict(frame: Frame) -> None:
    suite = Suite("marts.x", (gxe.ExpectColumnValuesToNotBeNull(column="id"),))
    found = run_suite(frame({}), suite, [WHOLE], expected_rows={WHOLE: 1})
    assert found[WHOLE].passed


def test_results_show_counts_and_no_values(frame: Frame) -> None:
    rules = (
        gxe.ExpectColumnValuesToBeInSet(column="note", value_set=["z"]),
        gxe.ExpectColumnDistinctValuesToBeInSet(column="note", value_set=["z"]),
    )
    found = verdict(frame({"note": "'Canary Jones'"}), Suite("raw.x", rules))
    assert not found.passed
    assert "Canary" not in repr(found)


def test_module_of_a_table_adds_its_rules() -> None:
    project = Path(__file__).resolve().parent.parent
    suite = declared_suite(project, "raw.completejourney__transactions")
    assert len(suite.block) == 5
    assert declared_suite(project, "raw.nothing__here").block == ()


@pytest.mark.parametrize("column", ["quantity", "sales_value", "retail_disc", "coupon_disc"])
def test_each_blocking_rule_of_the_till_lines_fails(session: Any, column: str) -> None:
    project = Path(__file__).resolve().parent.parent
    suite = declared_suite(project, "raw.completejourney__transactions")
    amounts = ["quantity", "sales_value", "retail_disc", "coupon_disc", "coupon_match_disc"]
    values = ", ".join(f"{-1 if name == column else 0}.00 as {name}" for name in amounts)
    found = verdict(session.sql(f"select {values}, '{DAY}' as dt"), suite)
    assert [failure.split(" (")[0] for failure in found.failures] == [f"{column} is not negative"]


def test_module_of_another_table_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "expectations" / "raw" / "a__b.py"
    path.parent.mkdir(parents=True)
    path.write_text("TABLE = 'raw.other'\nBLOCK = []\nWARN = []\n")
    with pytest.raises(CountinghouseError, match=r"needs TABLE = 'raw.a__b'"):
        declared_suite(tmp_path, "raw.a__b")
