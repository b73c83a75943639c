"""The public data sets through the whole path: deliveries, landing, dbt, gates, publication."""

from collections.abc import Iterator
from typing import Any

import cut_deliveries
import pytest
from models.readme_totals import COMPLETEJOURNEY, ECB_FX, Total

from countinghouse.engine_session import open_session
from countinghouse.runs.build import build
from countinghouse.runs.ingest import accept, contracts_of
from countinghouse.runs.land import land
from countinghouse.runs.report import RunReport

pytestmark = pytest.mark.skipif(not cut_deliveries.present(), reason=cut_deliveries.MISSING)

YEAR = ("2017-01-01", "2017-12-31")
LAST_BUT_ONE, LAST = "2026-04-12", "2026-04-13"


def ingest_and_build(settings: Any, system: str, *selection: str) -> RunReport:
    """Accept, land and build in one plan, as `countinghouse build` does."""
    accept(settings, [system])
    report = land(settings, contracts_of(settings, [system]), run_id="year")
    report.add(build(settings, selection, run_id="year"))
    return report


@pytest.fixture(scope="module")
def year(installation: Any) -> RunReport:
    """The shops' year, all tables, one plan."""
    cut_deliveries.cut_completejourney(installation.landing_root, *YEAR)
    return ingest_and_build(installation, "completejourney", "staging.completejourney", "commerce")


@pytest.fixture(scope="module")
def rates(installation: Any) -> tuple[RunReport, RunReport]:
    """Every rate in one delivery, and the delivery of the day after with one date more."""
    cut_deliveries.cut_rates(installation.landing_root, LAST_BUT_ONE, LAST_BUT_ONE)
    first = ingest_and_build(installation, "ecb_fx", "staging.ecb_fx", "finance")
    cut_deliveries.cut_rates(installation.landing_root, LAST, LAST)
    return first, ingest_and_build(installation, "ecb_fx", "staging.ecb_fx", "finance")


@pytest.fixture(scope="module")
def sql(installation: Any) -> Iterator[Any]:
    """Runs a query and returns its only row."""
    session = open_session(installation, name="test")
    yield lambda query: tuple(session.sql(query).collect()[0])
    session.stop()


@pytest.mark.parametrize("total", COMPLETEJOURNEY, ids=lambda total: total.says)
def test_the_readme_of_completejourney_is_right(year: RunReport, sql: Any, total: Total) -> None:
    assert not year.failed, year.summary()
    assert sql(total.query) == total.expected


@pytest.mark.parametrize("total", ECB_FX, ids=lambda total: total.says)
def test_the_readme_of_the_ecb_is_right(
    rates: tuple[RunReport, RunReport], sql: Any, total: Total
) -> None:
    assert not any(report.failed for report in rates), rates[1].summary()
    assert sql(total.query) == total.expected


def test_the_second_days_file_touches_one_date(rates: tuple[RunReport, RunReport]) -> None:
    _, second = rates

    staged = [dt for table, dt in second.published if table == "staging.stg_ecb_fx__rates"]
    assert staged == [LAST]


def test_building_again_changes_nothing(year: RunReport, installation: Any) -> None:
    again = build(installation, ["commerce"], run_id="again")

    assert (again.published, again.confirmed) == ([], [])
