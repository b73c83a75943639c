"""What the quality history and the explanation of a gate say, on a ledger without an engine."""

import ledgers
import pytest
import sqlalchemy as sa

from countinghouse.errors import CountinghouseError
from countinghouse.questions import explanation, quality
from countinghouse.settings import Settings

TABLE, OTHER = "marts.rpt_sales_daily", "marts.fct_order_lines"
DAY, NEXT = "2026-03-02", "2026-03-03"


def spoken(check: quality.Check) -> tuple[str, str, str]:
    return check.table, check.span, check.outcome


def test_checks_come_newest_first_with_the_worst_outcome(ledger: sa.Engine) -> None:
    ledgers.gate(ledger, "one", "r", passed=True)
    ledgers.gate(ledger, "two", "r", passed=False, severity="warn", dt=NEXT)
    ledgers.gate(ledger, "two", "s", passed=False)
    ledgers.gate(ledger, "three", "r", passed=False, severity="warn", table_name=OTHER)

    found = quality.checks(ledger)

    assert [spoken(check) for check in found.checks] == [
        (OTHER, DAY, "warned"),
        (TABLE, f"{DAY} to {NEXT}", "failed"),
        (TABLE, DAY, "passed"),
    ]
    assert found.older is None


def test_a_table_and_what_did_not_pass_can_be_asked_for(ledger: sa.Engine) -> None:
    ledgers.gate(ledger, "one", "good", passed=True)
    ledgers.gate(ledger, "one", "bad", passed=False)
    ledgers.gate(ledger, "one", "other", passed=False, table_name=OTHER)

    (check,) = quality.checks(ledger, TABLE, not_passed=True).checks

    assert [finding.rule for finding in check.findings] == ["bad"]
    assert quality.tables(ledger) == [OTHER, TABLE]


def test_pages_follow_each_other_without_a_gap_and_cut_no_check(ledger: sa.Engine) -> None:
    for n in range(5):
        for rule in ("a", "b", "c"):
            ledgers.gate(ledger, f"attempt {n}", rule, passed=True)

    seen, before = [], None
    for _ in range(9):
        page = quality.checks(ledger, most=7, before=before)
        seen += [(check.attempt_id, len(check.findings)) for check in page.checks]
        before = page.older
        if before is None:
            break

    assert seen == [(f"attempt {n}", 3) for n in (4, 3, 2, 1, 0)]


def test_a_check_larger_than_a_page_goes_on_on_the_next(ledger: sa.Engine) -> None:
    for n in range(5):
        ledgers.gate(ledger, "one", f"rule {n}", passed=True)

    first = quality.checks(ledger, most=3)
    second = quality.checks(ledger, most=3, before=first.older)

    rules = [f.rule for page in (first, second) for check in page.checks for f in check.findings]
    assert rules == [f"rule {n}" for n in (4, 3, 2, 1, 0)]


def test_rules_are_told_over_time(ledger: sa.Engine) -> None:
    ledgers.gate(ledger, "one", "a", passed=True)
    ledgers.gate(ledger, "two", "a", passed=True)
    ledgers.gate(ledger, "two", "a", passed=False, dt=NEXT)
    ledgers.gate(ledger, "two", "b", passed=True)

    grid = quality.checks(ledger, TABLE).by_rule(5)

    said = {rule: [f and f.outcome for f in findings] for rule, findings in grid}
    assert said == {"a": ["failed", "passed"], "b": ["passed", None]}


def test_a_failed_dbt_test_is_explained_in_words(
    asked: Settings, ledger: sa.Engine, parsed: None
) -> None:
    ledgers.attempt(ledger, "run 7")
    ledgers.published(ledger, TABLE, DAY, rows=12)
    observed = {
        "failures": 3,
        "message": f"{TABLE}: 3 rows, such as currency=EUR, email=(not shown)",
    }
    rule = "discounts_by_funder_explain_list_value"
    failed = ledgers.gate(ledger, "run 7", rule, passed=False, observed=observed)

    found = explanation.explanation(asked, failed)

    assert "discounts by funder explain list value" in found.rule.words
    assert "list_value = customer_paid" in found.rule.words
    assert found.rule.place == "dbt_project/models/marts/commerce/rpt_sales_daily.yml"
    assert (found.rows, found.run_id) == (3, "run 7")
    assert "email=(not shown)" in found.message
    assert "message" not in found.observed
    assert found.rule.command == f"countinghouse build {TABLE} --from {DAY} --to {DAY}"
    assert {str(feed) for feed, day in found.deliveries if day == DAY} >= {"shop.order_items"}
    assert found.visible is not None
    assert found.visible.rows == 12


def test_the_comment_of_a_generic_test_says_what_it_checks(
    asked: Settings, ledger: sa.Engine, parsed: None
) -> None:
    rule = "daily_sales_total_the_order_lines"
    failed = ledgers.gate(ledger, "run", rule, passed=False)

    words = explanation.explanation(asked, failed).rule.words

    assert "The model's total of each column equals that of the relation" in words


def test_a_refused_delivery_leads_to_its_landing_folder(asked: Settings, ledger: sa.Engine) -> None:
    failed = ledgers.gate(
        ledger,
        "run",
        "delivery accepted",
        passed=False,
        gate="landing",
        table_name="raw.shop__orders",
        observed={"reason": "budget: 49 of 690 rows are bad"},
    )

    found = explanation.explanation(asked, failed)

    assert found.message == "budget: 49 of 690 rows are bad"
    assert f"landing/shop/orders/dt={DAY}" in found.rule.remedy
    assert found.rule.command == "countinghouse land shop"
    assert [(str(feed), day) for feed, day in found.deliveries] == [("shop.orders", DAY)]
    assert found.visible is None


def test_what_became_of_the_rule_since_is_told(asked: Settings, ledger: sa.Engine) -> None:
    failed = ledgers.gate(ledger, "one", "r", passed=False)
    again = ledgers.gate(ledger, "two", "r", passed=True, dt="2026-03-01..2026-03-31")
    ledgers.gate(ledger, "three", "r", passed=False, dt=NEXT)

    since = explanation.explanation(asked, failed).since

    assert since is not None
    assert (since.result_id, since.outcome) == (again, "passed")


def test_an_unknown_result_is_refused(asked: Settings, ledger: sa.Engine) -> None:
    with pytest.raises(CountinghouseError, match="no gate result"):
        explanation.explanation(asked, 1)
