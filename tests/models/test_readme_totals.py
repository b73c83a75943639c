"""The public files through the models' SQL, on DuckDB; the engine's run asserts the same totals."""

import csv
import datetime as dt
import gzip
from pathlib import Path

import cut_deliveries
import pytest
from duck import Warehouse
from readme_totals import COMPLETEJOURNEY, ECB_FX, Total

from countinghouse.contracts import load_contracts
from countinghouse.names import dates_between

pytestmark = pytest.mark.skipif(not cut_deliveries.present(), reason=cut_deliveries.MISSING)

YEAR = [(day, None) for day in dates_between("2017-01-01", "2017-12-31")]
STAGED = ("transactions", "transactions__rejected", "redemptions", "households", "campaigns")
STAGED += ("campaign_descriptions", "coupons", "coupons__rejected")
MARTS = ("int_product_changes", "int_products_seen", "dim_products", "dim_households")
MARTS += ("fct_order_lines", "fct_coupon_redemptions", "rpt_sales_daily")
LAST_QUOTE = dt.date(2026, 4, 13)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The shops' year in every model that it reaches."""
    root, warehouse = tmp_path_factory.mktemp("landing"), Warehouse()
    cut_deliveries.cut_completejourney(root, "2017-01-01", "2017-12-31")
    for contract in load_contracts(cut_deliveries.PROJECT).values():
        if contract.system == "completejourney":
            warehouse.land(contract, root)
    for model in ("stg_shop__products", "stg_shop__orders", "stg_shop__order_items"):
        warehouse.empty(model)
    warehouse.empty("dim_products", "dim_products__previous")
    warehouse.build("stg_completejourney__products", YEAR[:1])
    for model in (*(f"stg_completejourney__{name}" for name in STAGED), *MARTS):
        warehouse.build(model, YEAR)
    return warehouse


@pytest.mark.parametrize("total", COMPLETEJOURNEY, ids=lambda total: total.says)
def test_the_readme_of_completejourney_is_right(year: Warehouse, total: Total) -> None:
    assert year.rows(total.query) == [total.expected]


@pytest.fixture(scope="module")
def quotes() -> list[tuple[str, str, str]]:
    """(currency, rate, date) of the file, read without the warehouse."""
    path = cut_deliveries.DATA / "ecb_fx" / "eurofxref-hist.csv.gz"
    with gzip.open(path, "rt", newline="") as lines:
        return [
            (currency, rate, row["Date"])
            for row in csv.DictReader(lines)
            for currency, rate in row.items()
            if currency not in ("Date", "") and rate != "N/A"
        ]


@pytest.fixture(scope="module")
def rates(
    tmp_path_factory: pytest.TempPathFactory, quotes: list[tuple[str, str, str]]
) -> Warehouse:
    """All rates, staged, and carried forward to ten days after the last."""
    warehouse = Warehouse()
    warehouse.empty("stg_ecb_fx__rates")
    file: Path = tmp_path_factory.mktemp("rates") / "quotes.csv"
    file.write_text("".join(f"{','.join(quote)}\n" for quote in quotes))
    warehouse.database.execute(f"copy stg_ecb_fx__rates from '{file}' (header false)")
    last = (LAST_QUOTE + dt.timedelta(days=10)).isoformat()
    warehouse.build(
        "fct_fx_rates_daily", ((day, None) for day in dates_between("1999-01-01", last))
    )
    return warehouse


@pytest.mark.parametrize("total", ECB_FX, ids=lambda total: total.says)
def test_the_readme_of_the_ecb_is_right(rates: Warehouse, total: Total) -> None:
    query = total.query.format(quotes="staging.stg_ecb_fx__rates")
    assert rates.rows(query) == [total.expected]


def test_every_live_currency_has_a_rate_every_calendar_day(
    rates: Warehouse, quotes: list[tuple[str, str, str]]
) -> None:
    carried = [dt.timedelta(days=n) for n in range(6)]
    live = {
        (currency, (dt.date.fromisoformat(day) + age).isoformat())
        for currency, _, day in quotes
        for age in carried
    }
    found = rates.rows("select currency, dt from marts.fct_fx_rates_daily")

    assert len(found) == len(live)
    assert set(found) == live


def test_a_filled_rate_is_that_of_the_quote_before(
    rates: Warehouse, quotes: list[tuple[str, str, str]]
) -> None:
    lately = {(c, day): rate for c, rate, day in quotes if "2004-12-15" < day < "2005-01-10"}
    found = rates.rows(
        "select currency, cast(source_date as string), rate, is_filled, dt "
        "from marts.fct_fx_rates_daily where dt between '2004-12-24' and '2005-01-07'"
    )

    assert len(found) > 400
    for currency, source, rate, filled, day in found:
        newest = max(d for c, d in lately if c == currency and d <= str(day))
        assert (source, filled) == (newest, newest != day)
        assert float(str(rate)) == float(lately[str(currency), newest])
