"""The public files that come whole, through the models' SQL on DuckDB; see `more_totals`."""

from pathlib import Path

import pytest
import whole_files
from duck import Warehouse
from more_totals import LANDED, TOTALS
from readme_totals import Total

from countinghouse.contracts import load_contracts
from countinghouse.currencies import EXPONENTS
from countinghouse.names import dates_between

pytestmark = pytest.mark.skipif(not whole_files.present(), reason=whole_files.MISSING)

# Of each daily model the dates on which there is something.
DAYS = {
    "aicpa_gl": dates_between("2007-01-11", "2009-01-16"),
    "olist": [whole_files.MARKETPLACE],
    "stripe": [whole_files.STRIPE],
    "open_bandit": dates_between("2019-11-24", "2019-11-30"),
    "country_codes": [],
}
MARTS = {
    "fct_journal_lines": "aicpa_gl",
    "rpt_unbalanced_journals": "aicpa_gl",
    "dim_countries": "country_codes",
    "dim_country_currencies": "country_codes",
    "dim_currencies": "country_codes",
    "dim_recommendation_items": "open_bandit",
    "fct_recommendation_impressions": "open_bandit",
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Every file landed, and every model that it reaches."""
    root, found = tmp_path_factory.mktemp("landing"), Warehouse()
    whole_files.deliver_whole(root, *whole_files.SYSTEMS)
    for contract in load_contracts(whole_files.PROJECT).values():
        if contract.system in whole_files.SYSTEMS:
            found.land(contract, root)
    staged = whole_files.PROJECT.glob("dbt_project/models/staging/*/stg_*.sql")
    models = {p.stem: p.parent.name for p in staged if p.parent.name in whole_files.SYSTEMS}
    for model, system in (models | MARTS).items():
        found.build(model, [(day, None) for day in DAYS[system]])
    found.build("fct_payments", [(day, None) for day in DAYS["olist"] + DAYS["stripe"]])
    return found


@pytest.mark.parametrize("total", TOTALS, ids=lambda total: total.says)
def test_the_readmes_are_right(warehouse: Warehouse, total: Total) -> None:
    assert warehouse.rows(total.query) == [total.expected]


def test_every_row_of_every_file_is_landed(warehouse: Warehouse) -> None:
    (counts,) = warehouse.rows(
        "select " + ", ".join(f"(select count(*) from {feed})" for feed in LANDED)
    )
    assert dict(zip(LANDED, counts, strict=True)) == LANDED


def test_nothing_of_files_that_come_once_is_rejected(warehouse: Warehouse) -> None:
    for model in ("stg_aicpa_gl__journal_lines", "stg_open_bandit__impressions"):
        assert warehouse.rows(f"select count(*) from {model}__rejected") == [(0,)]


def test_currencies_have_the_exponents_by_which_landing_counts(warehouse: Warehouse) -> None:
    found = warehouse.rows("select currency, exponent from marts.dim_currencies")

    assert len(found) == len(EXPONENTS)
    assert dict(found) == EXPONENTS


def test_a_corrected_snapshot_changes_the_sum_by_the_correction(tmp_path: Path) -> None:
    warehouse, day, next_day = Warehouse(), whole_files.MARKETPLACE, "2018-10-19"
    whole_files.deliver_whole(tmp_path, "olist")
    contract = load_contracts(whole_files.PROJECT)["olist.payments"]
    warehouse.land(contract, tmp_path)
    warehouse.empty("stg_stripe__charges")
    # A real more for each of the 18 payments in 24 instalments.
    warehouse.database.execute(
        "insert into olist__payments select * replace ("
        f"'{next_day}' as dt, payment_value + (payment_installments = 24)::int as payment_value) "
        "from olist__payments"
    )
    warehouse.build("stg_olist__payments", [(day, None), (next_day, day)])
    warehouse.build("fct_payments", [(day, None), (next_day, None)])

    found = warehouse.rows(
        "select dt, count(*), sum(amount_minor), count_if(is_reversal) "
        "from marts.fct_payments group by dt order by dt"
    )
    assert found == [(day, 103886, 1600887212, 0), (next_day, 36, 1800, 18)]
