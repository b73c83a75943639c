"""What the demo shows of the warehouse at its end: rows, money, gates, what is stale, addresses."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal

import sqlalchemy as sa
from rich.table import Table

from countinghouse.currencies import EXPONENTS
from countinghouse.engine_session import open_session
from countinghouse.ledger import tables
from countinghouse.planning import staleness
from countinghouse.services import airflow
from countinghouse.settings import Settings

_TABLES = (
    "marts.dim_customers",
    "marts.dim_products",
    "marts.fct_fx_rates_daily",
    "marts.fct_order_lines",
    "marts.rpt_sales_daily",
    "marts.rpt_sales_trailing_7d",
)


def sales(settings: Settings, date: str | None = None) -> dict[str, tuple[int, int]]:
    """Order lines of the shop and their sales in minor units, by currency, as an analyst reads."""
    where = f"AND dt = '{dt.date.fromisoformat(date)}'" if date else ""
    session = open_session(settings, name="demo")
    try:
        rows = session.sql(
            "SELECT currency, count(*) AS lines, sum(sales_minor) AS sales "
            f"FROM marts.fct_order_lines WHERE source_system = 'shop' {where} "
            "GROUP BY currency ORDER BY currency"
        ).collect()
    finally:
        session.stop()
    return {row.currency: (row.lines, int(row.sales)) for row in rows}


def major(minor: int, currency: str) -> str:
    """An amount with the decimals of its currency."""
    digits = EXPONENTS[currency]
    return f"{Decimal(minor).scaleb(-digits):,.{digits}f}"


def built(ledger: sa.Engine) -> Table:
    """Partitions, rows and sales of the marts, as their manifests have them."""
    found = Table("table", "partitions", "rows", "sales in the manifests", title="Published")
    pointers, versions = tables.pointers.c, tables.versions.c
    query = sa.select(pointers.table_name, versions.rows, versions.money).join_from(
        tables.pointers, tables.versions, versions.version_id == pointers.version_id
    )
    with ledger.connect() as connection:
        rows = connection.execute(query.where(pointers.table_name.in_(_TABLES))).all()
    for name in _TABLES:
        mine = [row for row in rows if row.table_name == name]
        money = sum((Counter(row.money) for row in mine), Counter[str]())
        shown = [
            f"{major(minor, currency)} {currency}"
            for column, currency, minor in sorted((*key.split(), n) for key, n in money.items())
            if column == "sales"
        ]
        total = sum(row.rows for row in mine)
        found.add_row(name, str(len(mine)), f"{total:,}", "  ".join(shown))
    return found


def gates(ledger: sa.Engine) -> Table:
    """Gate results by kind of gate; a failure names what was kept out."""
    found = Table("gate", "passed", "failed", "what failed", title="Gates")
    results = tables.gate_results.c
    with ledger.connect() as connection:
        rows = connection.execute(sa.select(results.gate, results.passed)).all()
        failures = connection.execute(
            sa.select(results.gate, results.table_name, results.dt, results.rule)
            .where(~results.passed)
            .distinct()
        ).all()
    for gate in sorted({row.gate for row in rows}):
        outcomes = Counter(row.passed for row in rows if row.gate == gate)
        failed = [f"{f.table_name} {f.dt}: {f.rule}" for f in failures if f.gate == gate]
        found.add_row(gate, str(outcomes[True]), str(outcomes[False]), "\n".join(failed))
    return found


def money(settings: Settings, truth: Mapping[str, int]) -> Table:
    """Sales by currency in the mart beside what the simulated shop knows that it sold."""
    found = Table("currency", "lines", "sales in the mart", "sold by the shop", title="Money")
    for currency, (lines, minor) in sales(settings).items():
        sold = major(truth.get(currency, 0), currency)
        found.add_row(currency, f"{lines:,}", major(minor, currency), sold)
    return found


def closing(settings: Settings) -> Iterator[str]:
    """What is stale, and where a person goes on from here."""
    web = f"http://127.0.0.1:{settings.airflow_port}"
    yield f"stale partitions: {len(staleness.stale(settings))}"
    yield f"Airflow    {web}  (user {airflow.USER}, password {airflow.password(settings)})"
    yield f"dbt docs   {web}/countinghouse/dbt/index.html"
    yield f"Data Docs  {web}/countinghouse/data_docs/index.html"
    yield f"Thrift     jdbc:hive2://127.0.0.1:{settings.thrift_port}"
