"""What arrives late, twice, changed or absurd, from the landing folder to the marts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from alerted import alerts
from installations import another

from countinghouse.engine_session import open_session
from countinghouse.ledger import open_ledger, tables
from countinghouse.planning.planner import Partition
from countinghouse.planning.staleness import stale
from countinghouse.runs.build import build
from countinghouse.runs.ingest import accept, contracts_of, missing_deliveries
from countinghouse.runs.land import land
from countinghouse.runs.report import RunReport
from countinghouse.settings import Settings
from tests.data import faulty_shop as shop
from tests.data.faulty_shop import CAFE, FRI, MON, ORDER, SAT, THU, TUE, WED, WEEK

SYSTEMS = ("shop", "ecb_fx")
MODELS = (
    "staging.shop",
    "staging.ecb_fx",
    "int_product_changes",
    "int_products_seen",
    "dim_products",
    "fct_order_lines",
    "rpt_sales_daily",
    "fct_fx_rates_daily",
)
ITEMS, LINES = "staging.stg_shop__order_items", "marts.fct_order_lines"
RATES, FX = "staging.stg_ecb_fx__rates", "marts.fct_fx_rates_daily"
RAW_ITEMS = "raw.shop__order_items"


@dataclass
class Warehouse:
    """An installation, what each of its runs said, and what readers saw after each."""

    settings: Settings
    session: Any
    reports: dict[str, RunReport] = field(default_factory=dict)
    seen: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def run(self, name: str, deliveries: shop.Deliveries) -> None:
        shop.write(self.settings.landing_root, deliveries)
        accept(self.settings, SYSTEMS)
        report = land(self.settings, contracts_of(self.settings, SYSTEMS), run_id=name)
        report.add(build(self.settings, MODELS, run_id=name))
        self.reports[name] = report
        self.seen[name] = {
            "lines": self.rows(
                f"select order_id, line_id, quantity, sales_minor, customer_id, is_product_known, "
                f"currency, dt from {LINES} order by dt, order_id, line_id"
            ),
            "rates": self.rows(f"select currency, dt, cast(rate as double), is_filled from {FX}"),
        }

    def rows(self, query: str) -> list[Any]:
        return [tuple(row) for row in self.session.sql(query).collect()]

    def published(self, run: str, table: str) -> list[str]:
        """Dates of which a run has published new content, as often as it did."""
        return sorted(dt for name, dt in self.reports[run].published if name == table)

    def blocked(self, run: str) -> dict[Partition, set[str]]:
        found: dict[Partition, set[str]] = {}
        for item in self.reports[run].blocked:
            found.setdefault((item.table, item.dt), set()).add(item.rule)
        return found

    def fx(self, run: str) -> dict[tuple[str, str], tuple[float, bool]]:
        return {(row[0], row[1]): (row[2], row[3]) for row in self.seen[run]["rates"]}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A good week, a bad Saturday, and the corrections: three runs over everything that waits."""
    with another(tmp_path_factory.mktemp("faulty")) as settings:
        session = open_session(settings, name="faulty")
        found = Warehouse(settings, session)
        found.run("good", shop.BASE)
        found.run("faulty", shop.FAULTY)
        found.missing = [str(each.feed) for each in missing_deliveries(settings, "shop", SAT)]
        found.run("mended", shop.MENDED)
        yield found
        session.stop()


def test_the_good_week_is_published_and_the_mended_one_leaves_nothing_stale(
    warehouse: Warehouse,
) -> None:
    assert not warehouse.reports["good"].failed, warehouse.reports["good"].summary()
    assert {row[-1] for row in warehouse.seen["good"]["lines"]} == {*WEEK}
    assert not warehouse.reports["mended"].failed, warehouse.reports["mended"].summary()
    assert stale(warehouse.settings, MODELS) == []


def test_fault_57_a_late_row_is_routed_to_its_date_which_is_republished_once(
    warehouse: Warehouse,
) -> None:
    for table in (ITEMS, LINES, "marts.rpt_sales_daily"):
        assert warehouse.published("faulty", table).count(WED) == 1
    for table in (ITEMS, LINES):
        assert warehouse.published("faulty", table) == [WED, THU, SAT]
    of_wednesday = [row[:4] for row in warehouse.seen["faulty"]["lines"] if row[-1] == WED]
    assert of_wednesday == [("A3", "1", 1, 500), ("A3", "2", 1, 700)]


def test_fault_60_a_corrected_file_replaces_its_rows_and_both_are_audited(
    warehouse: Warehouse,
) -> None:
    def quantity(run: str) -> list[Any]:
        lines = warehouse.seen[run]["lines"]
        return [row[2:4] for row in lines if row[:2] == ("A4", "2")]

    assert (quantity("good"), quantity("faulty")) == ([(3, 1500)], [(4, 2000)])
    made, audited = tables.versions.c, tables.gate_results.c
    versions = sa.select(made.attempt_id).where(made.table_name == RAW_ITEMS, made.dt == THU)
    audits = sa.select(audited.attempt_id).where(audited.table_name == RAW_ITEMS)
    with open_ledger(warehouse.settings).connect() as connection:
        attempts = connection.execute(versions).scalars().all()
        assert len(attempts) == 2
        assert {*attempts} <= {*connection.execute(audits.where(audited.passed)).scalars()}


def test_fault_62_a_missing_file_is_named_and_the_others_are_published(
    warehouse: Warehouse,
) -> None:
    assert "shop.products" in warehouse.missing
    assert not {"shop.orders", "shop.order_items"} & {*warehouse.missing}
    assert [row[0] for row in warehouse.seen["faulty"]["lines"] if row[-1] == SAT] == ["A6"]
    known = "select distinct is_current from marts.dim_products where source_system = 'shop'"
    assert warehouse.rows(known) == [(True,)]


def test_fault_63_of_one_key_the_latest_counts_and_every_other_row_is_counted(
    warehouse: Warehouse,
) -> None:
    channels = warehouse.rows(
        "select order_id, channel from staging.stg_shop__orders where order_id in ('A3', 'A4')"
    )
    assert dict(channels) == {"A3": "app", "A4": "web"}
    rejected = "select order_id, reason, dt, delivery_date from staging.{}__rejected order by dt"
    assert warehouse.rows(rejected.format("stg_shop__orders")) == [
        ("A3", "superseded", WED, WED),
        ("A4", "superseded", THU, FRI),
    ]
    assert warehouse.rows(rejected.format("stg_shop__order_items")) == [
        (ORDER, "duplicate", TUE, TUE),
        ("A4", "duplicate", THU, THU),
    ]
    assert [row[-1] for row in warehouse.seen["faulty"]["lines"]].count(TUE) == 1


def test_fault_67_a_new_column_is_kept_alerted_and_changes_no_mart(warehouse: Warehouse) -> None:
    kept = f"select distinct _extra['colour'] from {RAW_ITEMS} where dt = '{MON}'"
    assert warehouse.rows(kept) == [("red",)]
    told = alerts(warehouse.settings, rule="no undeclared columns")
    assert [(a["table"], a["partition"], a["severity"]) for a in told] == [(RAW_ITEMS, MON, "warn")]
    assert MON in warehouse.published("faulty", RAW_ITEMS)
    assert MON not in warehouse.published("faulty", LINES)
    assert warehouse.published("faulty", ITEMS).count(MON) == 0


def test_fault_68_a_renamed_column_is_refused_and_what_was_published_stays(
    warehouse: Warehouse,
) -> None:
    (refused,) = warehouse.reports["faulty"].refused
    assert (refused.table, refused.dt) == ("raw.shop__orders", FRI)
    assert "no column 'channel'; undeclared: 'Channel'" in refused.message
    assert [row[4] for row in warehouse.seen["faulty"]["lines"] if row[0] == "A5"] == ["cA5"]


def test_fault_71_a_name_with_line_ends_quotes_and_tabs_reaches_the_mart(
    warehouse: Warehouse,
) -> None:
    found = f"select product_name from marts.dim_products where product_id = '{CAFE}'"
    assert warehouse.rows(found) == [(shop.NAME,)]


def test_fault_73_keys_that_look_the_same_join_between_feeds(warehouse: Warehouse) -> None:
    (line,) = [row for row in warehouse.seen["good"]["lines"] if row[-1] == TUE]
    order_id, _, _, _, customer, product_is_known, *_ = line
    assert (order_id, customer, product_is_known) == (ORDER, f"c{ORDER}", True)
    inferred = "select product_id from marts.dim_products where is_inferred"
    assert warehouse.rows(inferred) == []


def test_fault_78_a_missing_rate_is_carried_for_five_days_and_then_there_is_none(
    warehouse: Warehouse,
) -> None:
    rates = warehouse.fx("good")
    francs = {day: found for (currency, day), found in rates.items() if currency == "CHF"}
    assert max(francs) == "2026-03-01"
    assert francs["2026-03-01"] == (0.94, True)
    assert rates["GBP", TUE] == (0.86, True)
    assert ("JPY", MON) not in rates


def test_fault_78_impossible_rates_are_held_by_name_and_the_last_good_ones_stay(
    warehouse: Warehouse,
) -> None:
    blocked = warehouse.blocked("faulty")
    for day in (THU, SAT):
        assert "reference_rates_are_positive" in blocked[RATES, day]
    assert "a_currency_is_quoted_once_a_day" in blocked[RATES, WED]
    before, after = warehouse.fx("good"), warehouse.fx("faulty")
    assert {key: after.get(key) for key in before} == before
    # Where the quote of the day is held its last good one is carried, and no rate is made up.
    added = {key: found for key, found in after.items() if key not in before}
    assert added == {(code, SAT): (before[code, FRI][0], True) for code in ("GBP", "USD")}


def test_fault_78_a_late_rate_changes_exactly_the_days_that_use_it(warehouse: Warehouse) -> None:
    assert warehouse.published("mended", FX) == [MON, TUE, SAT]
    before, after = warehouse.fx("faulty"), warehouse.fx("mended")
    changed = {key for key in after if after[key] != before.get(key) and key[1] != SAT}
    assert changed == {("GBP", MON), ("GBP", TUE)}
    assert after["USD", SAT] == (1.16, False)


def test_fault_79_a_discount_above_the_price_is_held_by_its_rule_until_it_is_corrected(
    warehouse: Warehouse,
) -> None:
    assert warehouse.blocked("faulty")[ITEMS, FRI] == {"discounts_never_exceed_the_price"}

    def sold(run: str) -> list[int]:
        return [row[3] for row in warehouse.seen[run]["lines"] if row[0] == "A5"]

    assert (sold("good"), sold("faulty"), sold("mended")) == ([500], [500], [400])


def test_fault_79_zero_amounts_count_and_sums_reconcile(warehouse: Warehouse) -> None:
    nothing = [row for row in warehouse.seen["mended"]["lines"] if row[2] == 0]
    assert [(row[0], row[1], row[3]) for row in nothing] == [("A1", "2", 0)]
    expected = {
        (MON, "EUR"): 1000,
        (TUE, "EUR"): 1000,
        (WED, "EUR"): 1200,
        (THU, "EUR"): 500,
        (THU, "JPY"): 2000,
        (FRI, "EUR"): 400,
        (SAT, "EUR"): 500,
    }
    lines: dict[tuple[str, str], int] = {}
    for *_, sales, _, _, currency, day in warehouse.seen["mended"]["lines"]:
        lines[day, currency] = lines.get((day, currency), 0) + sales
    assert lines == expected
    report = warehouse.rows(
        "select dt, currency, cast(sum(sales_value) * if(currency = 'JPY', 1, 100) as bigint) "
        "from marts.rpt_sales_daily group by dt, currency"
    )
    assert {(day, currency): minor for day, currency, minor in report} == expected


def test_fault_83_null_stays_null_and_words_stay_words(warehouse: Warehouse) -> None:
    found = warehouse.rows(
        "select product_name, brand, department, category, manufacturer_id "
        "from marts.dim_products where source_system = 'shop' order by product_id"
    )
    assert [row[-1] for row in found] == [None] * 3
    assert [row[:4] for row in found] == [tuple(row[1:5]) for row in sorted(shop.PRODUCTS)]
