"""The public files of advertising through the models' SQL, on DuckDB."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import cut_ads
import pytest
import yaml
from ads_totals import AD_REPORTS, ADWORDS, CHANNEL_PATHS, counted, mart_query, summed
from duck import PROJECT, Warehouse
from readme_totals import Total

from countinghouse.contracts import Contract
from countinghouse.names import dates_between, plus_days
from countinghouse.planning.pinning import RunDate

pytestmark = pytest.mark.skipif(
    not cut_ads.present(), reason="the public files of advertising are not here"
)

DIMENSIONS = ("dim_ad_accounts", "dim_ad_campaigns", "dim_ad_groups", "dim_ads", "dim_ad_parents")
MARTS = ("fct_ad_performance_daily", "fct_keyword_performance_daily", "rpt_ad_spend_daily")
REPORT_COLUMNS = {
    "ad_id": "account_id campaign_id ad_group_id ad_id",
    "keyword_id": "account_id campaign_id ad_group_id keyword_id keyword_text",
}
METRICS = "impressions clicks conversions spend_micros currency dt"


def run_dates(root: Path, contract: Contract) -> Iterator[RunDate]:
    """Every date that a delivery states, with the newest that does."""
    newest = {}
    for folder in sorted((root / contract.system / contract.name).iterdir()):
        delivered = folder.name.removeprefix("dt=")
        first = plus_days(delivered, -(contract.restates_days or 0))
        newest.update(dict.fromkeys(dates_between(first, delivered), delivered))
    for day, delivered in sorted(newest.items()):
        yield RunDate(day, None, delivered)


@pytest.fixture(scope="module")
def ads(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Every public file of advertising in every model that it reaches."""
    root, warehouse = tmp_path_factory.mktemp("landing"), Warehouse()
    days: dict[str, RunDate] = {}
    for contract in cut_ads.contracts():
        cut_ads.cut(root, contract)
        warehouse.land(contract, root)
        dates = list(run_dates(root, contract)) if contract.restates_days else []
        warehouse.build(f"stg_{contract.feed.relation}", dates)
        days.update({date.dt: RunDate(date.dt) for date in dates})
    for model in (*DIMENSIONS, "int_ad_reports_unioned", *MARTS, "fct_channel_paths"):
        warehouse.build(model, days.values())
    return warehouse


@pytest.mark.parametrize("total", [*ADWORDS, *CHANNEL_PATHS], ids=lambda total: total.says)
def test_the_readmes_of_advertising_are_right(ads: Warehouse, total: Total) -> None:
    assert ads.rows(total.query) == [total.expected]


@pytest.mark.parametrize("system", AD_REPORTS)
def test_the_mart_totals_the_ad_report_of_a_platform(ads: Warehouse, system: str) -> None:
    assert summed(ads.rows(mart_query(system))) == counted(system)
    assert counted(system).impressions > 0


@pytest.mark.parametrize("contract", cut_ads.contracts(), ids=lambda contract: str(contract.feed))
def test_every_row_of_a_public_file_is_landed(ads: Warehouse, contract: Contract) -> None:
    delimiter = contract.format.delimiter
    expected = len(cut_ads.rows_of(cut_ads.file_of(contract), delimiter))
    assert ads.rows(f"select count(*) from {contract.feed.relation}") == [(expected,)]
    assert expected > 0


HISTORIES = [c for c in cut_ads.contracts() if c.kind == "full_snapshot" and len(c.keys) == 2]


@pytest.mark.parametrize("contract", HISTORIES, ids=lambda contract: str(contract.feed))
def test_of_several_versions_the_newest_counts(ads: Warehouse, contract: Contract) -> None:
    key, version = (contract.column(name).header.lower() for name in contract.keys)
    rows = cut_ads.rows_of(cut_ads.file_of(contract))
    newest: dict[str, str] = defaultdict(str)
    for row in rows:
        newest[row[key]] = max(newest[row[key]], row[version])
    model = f"stg_{contract.feed.relation}"
    (name,) = _declared(model)["config"]["meta"]["grain"]
    found = ads.rows(f"select {name}, updated_at, version_count from {model}")

    assert {str(row[0]): row[2] for row in found} == Counter(row[key] for row in rows)
    for ident, updated_at, _ in found:
        day, clock = newest[str(ident)][:10], newest[str(ident)][11:].split(".")[0].split(" ")[0]
        assert str(updated_at).startswith(f"{day} {clock.zfill(8)}")


def test_spend_without_a_currency_is_flagged(ads: Warehouse) -> None:
    unknown = ads.rows(
        "select distinct source_system from marts.fct_ad_performance_daily "
        "where not is_currency_known"
    )
    assert {str(row[0]) for row in unknown} == {
        "facebook_ads",
        "linkedin_ads",
        "pinterest_ads",
        "snapchat_ads",
        "tiktok_ads",
    }


def test_hours_fall_on_the_day_of_the_accounts_clock(ads: Warehouse) -> None:
    """Twitter's days begin at 07:00 or 08:00 UTC, Snapchat's hours are of its own clock."""
    rows = cut_ads.rows_of(cut_ads.SEEDS / "twitter_promoted_tweet_report_data.csv")
    twitter = {row["date"][:10] for row in rows}
    rows = cut_ads.rows_of(cut_ads.SEEDS / "snapchat_ad_hourly_report_data.csv")
    snapchat = {row["date"][:10] for row in rows}
    for system, days in (("twitter_ads", twitter), ("snapchat_ads", snapchat)):
        found = ads.rows(
            f"select distinct dt from fct_ad_performance_daily where source_system = '{system}'"
        )
        assert {row[0] for row in found} == days


def test_the_report_says_what_the_mart_says_in_units(ads: Warehouse) -> None:
    (units,) = ads.rows("select sum(spend), sum(clicks) from marts.rpt_ad_spend_daily")
    (micros,) = ads.rows(
        "select sum(spend_micros) / 1000000.0, sum(clicks) from marts.fct_ad_performance_daily"
    )
    assert float(str(units[0])) == pytest.approx(float(str(micros[0])), abs=1e-6)
    assert units[1] == micros[1]


@pytest.mark.parametrize("key", REPORT_COLUMNS)
def test_reports_that_are_unioned_have_the_same_columns(key: str) -> None:
    wanted = f"{REPORT_COLUMNS[key]} {METRICS}".split()
    models = [p.stem for p in PROJECT.glob("models/staging/*/stg_*.yml")]
    shapes = {m: [c["name"] for c in _declared(m)["columns"]] for m in models}
    found = {m: columns for m, columns in shapes.items() if "spend_micros" in columns}

    assert sum(key in columns for columns in found.values()) == {"ad_id": 11, "keyword_id": 6}[key]
    assert all(columns == wanted for columns in found.values() if key in columns)


def _declared(model: str) -> dict[str, object]:
    (path,) = PROJECT.glob(f"models/**/{model}.yml")
    (found,) = yaml.safe_load(path.read_text())["models"]
    return dict(found)
