"""The rule that holds a charge back when more was refunded than captured."""

import duckdb
import pytest
import yaml
from duck import PROJECT, translated

MODEL = PROJECT / "models" / "staging" / "stripe" / "stg_stripe__charges.yml"
RULE = "a_charge_captures_at_most_its_amount_and_refunds_at_most_that"


def expression() -> str:
    (model,) = yaml.safe_load(MODEL.read_text())["models"]
    tests = [test for entry in model["data_tests"] for test in entry.values()]
    (found,) = [test for test in tests if test["name"] == RULE]
    # A warning would publish it.
    assert "config" not in found
    return str(found["arguments"]["expression"])


@pytest.mark.parametrize(
    ("amount", "captured", "refunded", "holds"),
    [
        (500, 500, 0, True),
        (500, 500, 500, True),
        (0, 0, 0, True),
        (500, 500, 501, False),
        (500, 0, 1, False),
        (500, 501, 0, False),
        (500, 500, -1, False),
        (500, "null", 0, None),
    ],
)
def test_fault_79_a_refund_above_its_capture_breaks_a_rule(
    amount: int, captured: object, refunded: int, holds: bool | None
) -> None:
    row = f"select {amount} amount_minor, {captured} captured_minor, {refunded} refunded_minor"
    found = duckdb.sql(translated(f"select {expression()} from ({row})")).fetchall()
    assert found == [(holds,)]
