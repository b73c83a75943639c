"""The public data sets through the whole path: deliveries, landing, dbt, gates, publication."""

from collections.abc import Iterator
from typing import Any

import cut_deliveries
import pytest
from installations import another
from models.readme_totals import COMPLETEJOURNEY, ECB_FX, Total

from countinghouse.engine_session import open_session
from countinghouse.names import dates_between
from countinghouse.runs.build import build
from countinghouse.runs.ingest import accept, contracts_of
from countinghouse.runs.land import land
from countinghouse.runs.report import RunReport
from countinghouse.settings import Settings

pytestmark = pytest.mark.skipif(not cut_deliveries.present(), reason=cut_deliveries.MISSING)

YEAR = ("2017-01-01", "2017-12-31")
LAST_BUT_ONE, LAST = "2026-04-12", "2026-04-13"


# The engine stages the rates of the last months, in one of which a currency ends; all 27 years are
# in tests/models, on DuckDB.
SINCE, DENSE_SINCE = "2025-11-01", "2025-12-01"


def ingest_and_build(
    settings: Any, system: str, *selection: str, since: str | None = None
) -> RunReport:
    """Accept, land and build in one plan, as `countinghouse build` does."""
    accept(settings, [system])
    report = land(settings, contracts_of(settings, [system]), run_id="year")
    report.add(build(settings, selection, since, run_id="year"))
    return report


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """One of its own: what looks at everything would take minutes beside a year."""
    with another(tmp_path_factory.mktemp("real")) as settings:
        yield settings


@pytest.fixture(scope="module")
def year(installation: Any) -> RunReport:
    """The shops' year, all tables, one plan."""
    cut_deliveries.cut_completejourney(installation.landing_root, *YEAR)
    return ingest_and_build(installation, "completejourney", "staging.completejourney", "commerce")


@pytest.fixture(scope="module")
def rates(installation: Any) -> tuple[RunReport, RunReport]:
    """Every rate in one delivery, and the delivery of the day after with one date more."""

    def delivered(day: str) -> RunReport:
        cut_deliveries.cut_rates(installation.landing_root, day, day)
        return ingest_and_build(installation, "ecb_fx", "staging.ecb_fx", "finance", since=SINCE)

    return delivered(LAST_BUT_ONE), delivered(LAST)


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


@pytest.fixture(scope="module")
def quotes(installation: Any, rates: tuple[RunReport, RunReport]) -> str:
    """Every quote that was landed, one row per currency and day, as a subquery."""
    (contract,) = contracts_of(installation, ["ecb_fx"])
    columns = ", ".join(c.name for c in contract.columns if c.name != "date")
    return (
        "(select string(date) as dt, upper(name) as currency from raw.ecb_fx__rates "
        f"unpivot (rate for name in ({columns})) where dt = '{LAST}')"
    )


@pytest.mark.parametrize("total", ECB_FX, ids=lambda total: total.says)
def test_the_readme_of_the_ecb_is_right(
    rates: tuple[RunReport, RunReport], sql: Any, quotes: str, total: Total
) -> None:
    assert not any(report.failed for report in rates), rates[1].summary()
    assert sql(total.query.format(quotes=quotes)) == total.expected


def test_a_cumulative_file_is_landed_as_it_was_delivered(
    rates: tuple[RunReport, RunReport], sql: Any
) -> None:
    days = "select count_if(dt = '{}'), count_if(dt = '{}') from raw.ecb_fx__rates"
    assert sql(days.format(LAST_BUT_ONE, LAST)) == (6982, 6983)


def test_every_live_currency_has_a_rate_on_every_calendar_day(
    rates: tuple[RunReport, RunReport], sql: Any
) -> None:
    days = len(dates_between(DENSE_SINCE, LAST))
    ended = "select currency, count(*) as rates, max(dt) as last from marts.fct_fx_rates_daily "
    ended += f"where dt between '{DENSE_SINCE}' and '{LAST}' group by currency"
    counted = f"select count(*), count_if(rates = {days}), "
    counted += f"collect_list(case when rates <> {days} then currency end) from ({ended})"
    currencies, dense, others = sql(counted)
    # Bulgaria has the euro since 2026.
    assert (dense, list(others)) == (currencies - 1, ["BGN"])
    assert currencies >= 30


def test_the_second_days_file_touches_one_date(rates: tuple[RunReport, RunReport]) -> None:
    _, second = rates

    staged = [dt for table, dt in second.published if table == "staging.stg_ecb_fx__rates"]
    assert staged == [LAST]


def test_fault_39_building_again_changes_nothing(year: RunReport, installation: Any) -> None:
    again = build(installation, ["commerce"], run_id="again")

    assert (again.published, again.confirmed) == ([], [])
