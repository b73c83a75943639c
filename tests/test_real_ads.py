"""The public files of advertising through the whole path: landing, dbt, gates, publication."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cut_ads
import pytest
from installations import another
from models.ads_totals import AD_REPORTS, ADWORDS, CHANNEL_PATHS, counted, mart_query, summed
from models.readme_totals import Total

from countinghouse.contracts import Contract
from countinghouse.engine_session import open_session
from countinghouse.runs.build import build
from countinghouse.runs.ingest import accept
from countinghouse.runs.land import land
from countinghouse.runs.report import RunReport
from countinghouse.settings import Settings

pytestmark = pytest.mark.skipif(
    not cut_ads.present(), reason="the public files of advertising are not here"
)

STAGING = tuple(f"staging.{system}" for system in cut_ads.SYSTEMS)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """One of its own: what looks at everything would take minutes beside years of reports."""
    with another(tmp_path_factory.mktemp("ads")) as settings:
        yield settings


@dataclass(frozen=True)
class Years:
    """Every public file, landed and built in one plan."""

    landed: RunReport
    built: RunReport


@pytest.fixture(scope="module")
def years(installation: Settings) -> Years:
    """Every delivery of every feed, and every table of them."""
    for contract in cut_ads.contracts():
        cut_ads.cut(installation.landing_root, contract)
    accept(installation, cut_ads.SYSTEMS)
    landed = land(installation, cut_ads.contracts(), run_id="years")
    return Years(landed, build(installation, [*STAGING, "ads"], run_id="years"))


@pytest.fixture(scope="module")
def rows(installation: Settings) -> Iterator[Any]:
    """Runs a query and returns its rows."""
    session = open_session(installation, name="test")
    yield lambda query: [tuple(row) for row in session.sql(query).collect()]
    session.stop()


@pytest.mark.parametrize("total", [*ADWORDS, *CHANNEL_PATHS], ids=lambda total: total.says)
def test_the_readmes_of_advertising_are_right(years: Years, rows: Any, total: Total) -> None:
    assert not years.built.failed, years.built.summary()
    assert rows(total.query) == [total.expected]


@pytest.mark.parametrize("system", AD_REPORTS)
def test_the_mart_totals_the_ad_report_of_a_platform(years: Years, rows: Any, system: str) -> None:
    assert summed(rows(mart_query(system))) == counted(system)


def test_every_row_of_every_public_file_is_landed(years: Years, rows: Any) -> None:
    assert not years.landed.failed, years.landed.summary()
    contracts = cut_ads.contracts()
    query = " union all ".join(
        f"select '{c.feed}', count(*) from raw.{c.feed.relation}" for c in contracts
    )
    assert dict(rows(query)) == {str(c.feed): _rows(c) for c in contracts}
    assert len(contracts) == 63


def test_no_person_of_an_account_is_landed(years: Years, rows: Any) -> None:
    (found,) = rows(
        "select count(*), count(email), count(telephone_number), "
        "count_if(array_contains(map_values(_extra), 'fake-email')) from raw.tiktok_ads__advertiser"
    )
    assert found == (2, 0, 0, 0)


def test_a_restated_day_replaces_what_was_stated_before(
    years: Years, installation: Settings, rows: Any
) -> None:
    """The next report repeats one ad of a day with other figures, and leaves the others out."""
    (contract,) = (c for c in cut_ads.contracts() if str(c.feed) == "tiktok_ads.ad_report_hourly")
    before = rows(mart_query("tiktok_ads"))
    header, first, *_ = cut_ads.file_of(contract).read_text().splitlines()
    cut_ads.cut_deliveries.deliver(
        installation.landing_root, str(contract.feed), "2021-09-16", "late.csv",
        f"{header}\r\n{first}\r\n".encode(),
    )  # fmt: skip
    accept(installation, ["tiktok_ads"])
    land(installation, [contract], run_id="restated")
    report = build(installation, [*STAGING, "ads"], run_id="restated")

    assert not report.failed, report.summary()
    assert {dt for _, dt in report.published} == {"2021-09-15", "2021-09-16"}
    after = rows(
        "select ad_id, dt from marts.fct_ad_performance_daily where source_system = 'tiktok_ads'"
    )
    assert after == [("1", "2021-09-15")]
    assert len(before) == 2


def test_building_again_changes_nothing(years: Years, installation: Settings) -> None:
    again = build(installation, [*STAGING, "ads"], run_id="again")

    assert (again.published, again.confirmed) == ([], [])


def _rows(contract: Contract) -> int:
    return len(cut_ads.rows_of(cut_ads.file_of(contract), contract.format.delimiter))
