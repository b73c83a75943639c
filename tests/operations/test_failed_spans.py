"""Which dates a build tries again after a model has failed."""

from dataclasses import replace
from typing import Any

import pytest

from countinghouse.planning.model_graph import Graph, Model, Shape
from countinghouse.planning.planner import Plan
from countinghouse.runs import build
from countinghouse.runs.build import Request, Span
from countinghouse.runs.report import Blocked, RunReport

TABLE = "marts.fct_sales"
DAYS = ("2026-03-01", "2026-03-02", "2026-03-03")


@pytest.fixture
def request_of(installation: Any, ledger: Any) -> Request:
    model = Model(name=TABLE, shape=Shape.DAILY, edges=(), fingerprint="code", folder="marts")
    return Request(installation, ledger, Graph((model,)), {}, [model], "test", "test")


@pytest.mark.parametrize("forced", [False, True])
def test_a_range_that_failed_without_a_date_is_halved_and_stays_forced(
    request_of: Request, forced: bool
) -> None:
    report = RunReport("test")
    failed = Blocked(TABLE, f"{DAYS[0]}..{DAYS[-1]}", "builds", 0, "division by zero")
    spans = build._next_spans(request_of, Plan({TABLE: DAYS}), [failed], report, forced)
    assert spans == [Span(DAYS[0], DAYS[0], forced), Span(DAYS[1], DAYS[2], forced)]
    assert not report.failed
    # One date is left: it is named, and not tried again.
    one = Plan({TABLE: DAYS[:1]})
    again = build._next_spans(request_of, one, [replace(failed, dt=DAYS[0])], report, forced)
    assert again == [Span(DAYS[0], DAYS[0])]
    assert request_of.bad == {(TABLE, DAYS[0])}
    assert report.failed
