"""The public files of advertising through the whole path: landing, dbt, gates, publication."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cut_ads
import cut_deliveries
import pytest
from alerted import alerts
from installations import another
from models.ads_totals import ADWORDS, CHANNEL_PATHS, counted, mart_query, summed
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

# One platform of each kind: units with the currency in the report, micros with that of the
# account, units by the hour with that of the advertiser, micros with that of the campaign and days
# of a zone. The other seven take minutes of the engine; all eleven are in tests/models, on DuckDB.
PLATFORMS = ("amazon_ads", "google_ads", "tiktok_ads", "twitter_ads")
SYSTEMS = (*PLATFORMS, "adwords", "channel_paths")
STAGING = tuple(f"staging.{system}" for system in SYSTEMS)
FEEDS = [contract for contract in cut_ads.contracts() if contract.system in SYSTEMS]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """One of its own: what looks at everything would take minutes beside years of reports."""
    with another(tmp_path_factory.mktemp("ads")) as settings:
        yield settings


@dataclass(frozen=True)
class Years:
    """Every public file of these systems, landed and built in one plan."""

    landed: RunReport
    built: RunReport


@pytest.fixture(scope="module")
def years(installation: Settings) -> Years:
    """Every delivery of every feed, and every table of them."""
    for contract in FEEDS:
        cut_ads.cut(installation.landing_root, contract)
    accept(installation, SYSTEMS)
    landed = land(installation, FEEDS, run_id="years")
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


@pytest.mark.parametrize("system", PLATFORMS)
def test_the_mart_totals_the_ad_report_of_a_platform(years: Years, rows: Any, system: str) -> None:
    assert summed(rows(mart_query(system))) == counted(system)


def test_every_row_of_every_public_file_is_landed(years: Years, rows: Any) -> None:
    assert not years.landed.failed, years.landed.summary()
    query = " union all ".join(
        f"select '{c.feed}', count(*) from raw.{c.feed.relation}" for c in FEEDS
    )
    assert dict(rows(query)) == {str(c.feed): _rows(c) for c in FEEDS}
    assert len(FEEDS) == 24


def test_no_person_of_an_account_is_landed(years: Years, rows: Any) -> None:
    (found,) = rows(
        "select count(*), count(email), count(telephone_number), "
        "count_if(array_contains(map_values(_extra), 'fake-email')) from raw.tiktok_ads__advertiser"
    )
    assert found == (2, 0, 0, 0)


def test_a_restated_day_replaces_what_was_stated_before(
    years: Years, installation: Settings, rows: Any
) -> None:
    """The next report repeats one ad of the day and leaves the other three out."""
    (contract,) = (c for c in cut_ads.contracts() if str(c.feed) == "tiktok_ads.ad_report_hourly")
    ads = "select ad_id, dt from marts.fct_ad_performance_daily where source_system = 'tiktok_ads'"
    assert len(rows(ads)) == 4
    header, first, *_ = cut_ads.file_of(contract).read_text().splitlines()
    said = f"{header}\r\n{first}\r\n".encode()
    root, feed = installation.landing_root, str(contract.feed)
    cut_deliveries.deliver(root, feed, "2021-09-16", "late.csv", said)
    accept(installation, ["tiktok_ads"])
    land(installation, [contract], run_id="restated")
    report = build(installation, [*STAGING, "ads"], run_id="restated")

    assert not report.failed, report.summary()
    assert {dt for _, dt in report.published} == {"2021-09-15", "2021-09-16"}
    assert rows(ads) == [("1", "2021-09-15")]


def test_days_with_more_clicks_than_impressions_are_published_and_alerted(
    years: Years, installation: Settings, rows: Any
) -> None:
    flagged = "select count(*) from marts.fct_keyword_performance_daily where is_click_anomaly"
    assert rows(flagged) != [(0,)]
    (found,) = alerts(installation, rule="clicks_are_not_more_than_impressions")
    assert (found["table"], found["severity"]) == ("marts.fct_keyword_performance_daily", "warn")
    assert found["rows"] > 0
    assert "dates are published all the same" in found["message"]


def test_building_again_changes_nothing(years: Years, installation: Settings) -> None:
    again = build(installation, [*STAGING, "ads"], run_id="again")

    assert (again.published, again.confirmed) == ([], [])


def _rows(contract: Contract) -> int:
    return len(cut_ads.rows_of(cut_ads.file_of(contract), contract.format.delimiter))
