"""Five days of a shop through Airflow: a late file, a corrupt delivery, its correction.

    python -m simulator.demo

Everything it prints is read back from the ledger and the engine. A second run changes nothing.
"""

import datetime as dt
import logging
import subprocess
import time
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from countinghouse import staleness
from countinghouse.engine_session import open_session
from countinghouse.errors import CountinghouseError
from countinghouse.ledger import open_ledger, tables
from countinghouse.services import airflow, control, postgres
from countinghouse.settings import Settings, load
from simulator import expected, write_correction, write_deliveries
from simulator.deliveries import Defects, write_corrupt

FIRST_DAY = dt.date(2026, 3, 2)
DAYS = 5
SEED = 7
LATE, CORRUPT = 2, 3
_RUN_SECONDS = 420
_TABLES = (
    "marts.dim_products",
    "marts.fct_order_lines",
    "marts.rpt_sales_daily",
    "marts.rpt_sales_trailing_7d",
    "marts.fct_fx_rates_daily",
)
_console = Console(width=110, highlight=False)


def day(n: int) -> str:
    """The date of day `n` of the demo, counted from 0."""
    return (FIRST_DAY + dt.timedelta(days=n)).isoformat()


def main() -> None:
    """Run the demo, or show what it left if it ran before."""
    logging.getLogger("countinghouse").setLevel(logging.ERROR)
    began = time.monotonic()
    settings = load()
    settings.home.mkdir(parents=True, exist_ok=True)
    say("starting PostgreSQL, the engine and Airflow")
    control.up(settings)
    if _corrected(settings):
        say("the demo has run here before: nothing to do")
    else:
        _act(settings)
    _show(settings)
    say(f"done in {time.monotonic() - began:.0f} s; stop everything with: countinghouse down")


def _act(settings: Settings) -> None:
    say(f"{DAYS} days of deliveries, the order items of {day(LATE)} missing")
    defects = Defects(late=1, corrupt=None, held=LATE)
    write_deliveries(settings.landing_root, FIRST_DAY, DAYS, SEED, defects=defects)
    _ingest(settings, "ingest_ecb_fx", DAYS - 1, DAYS - 1)
    _ingest(settings, "ingest_shop", 0, DAYS - 1)
    _wait(settings)
    before = _sales(settings, day(CORRUPT))
    say(f"published; {day(CORRUPT)} has {before}")

    say(f"the late file of {day(LATE)} comes, and a corrupt correction of {day(CORRUPT)}")
    write_correction(settings.landing_root, FIRST_DAY + dt.timedelta(days=LATE), SEED)
    write_corrupt(settings.landing_root, FIRST_DAY + dt.timedelta(days=CORRUPT), SEED)
    _ingest(settings, "ingest_shop", LATE, CORRUPT)
    _wait(settings)
    for reason in _refusals(settings):
        say(f"refused: {reason}")
    say(f"still readable: {day(CORRUPT)} has {_sales(settings, day(CORRUPT))}")

    say("a good correction comes: one order line less")
    corrected = FIRST_DAY + dt.timedelta(days=CORRUPT)
    write_correction(settings.landing_root, corrected, SEED, withdrawn=1)
    _ingest(settings, "ingest_shop", CORRUPT, CORRUPT)
    _wait(settings)
    say(f"published; {day(CORRUPT)} has {_sales(settings, day(CORRUPT))}")


def _corrected(settings: Settings) -> bool:
    """Whether the last delivery of the demo, the good correction, has been accepted."""
    log = tables.deliveries.c
    query = sa.select(sa.func.max(log.version)).where(
        log.feed == "shop.order_items", log.dt == day(CORRUPT), log.status == "accepted"
    )
    with open_ledger(settings).connect() as connection:
        return (connection.execute(query).scalar_one() or 0) > 1


def _ingest(settings: Settings, dag_id: str, first: int, last: int) -> None:
    """A backfill by Airflow's own command, as an engineer would type it."""
    span = ["--from-date", day(first), "--to-date", day(last)]
    more = ["--reprocess-behavior", "completed", "--max-active-runs", "1"]
    command = ["backfill", "create", "--dag-id", dag_id, *span, *more]
    _console.print(f"  $ airflow {' '.join(command)}", style="dim")
    done = subprocess.run(
        ["airflow", *command], env=airflow.environment(settings), capture_output=True, text=True
    )
    if done.returncode != 0:
        raise CountinghouseError(
            f"Airflow did not accept the backfill: {done.stderr[-2000:]}",
            remedy="countinghouse logs scheduler",
        )


def _runs(settings: Settings) -> list[Mapping[str, Any]]:
    """Runs of backfills and of the marts that they woke, as Airflow's database has them."""
    engine = sa.create_engine(postgres.url(settings, "airflow", driver="psycopg"))
    query = sa.text(
        "SELECT dag_id, partition_key, state, run_type FROM dag_run "
        "WHERE run_type IN ('backfill', 'asset_triggered') ORDER BY id"
    )
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _wait(settings: Settings) -> None:
    """Until no run is left and nothing is stale: the marts follow the touched dates."""
    end = time.monotonic() + _RUN_SECONDS
    while True:
        unfinished = [r for r in _runs(settings) if r["state"] in ("queued", "running")]
        if not unfinished and not staleness.stale(settings):
            return
        if time.monotonic() > end:
            raise CountinghouseError(
                f"after {_RUN_SECONDS} s still unfinished: {unfinished[:5]}",
                remedy="countinghouse status; countinghouse logs scheduler",
            )
        time.sleep(1)


def _sales(settings: Settings, date: str) -> str:
    """Order lines and sales of a date as an analyst reads them."""
    session = open_session(settings, name="demo")
    try:
        rows = session.sql(
            "SELECT count(*) AS lines, currency, sum(sales_minor) AS sales "
            f"FROM marts.fct_order_lines WHERE dt = '{date}' GROUP BY currency ORDER BY currency"
        ).collect()
    finally:
        session.stop()
    return ", ".join(f"{r.lines} lines {r.currency} {_major(r.sales)}" for r in rows) or "no lines"


def _refusals(settings: Settings) -> list[str]:
    with open_ledger(settings).connect() as connection:
        rows = connection.execute(
            sa.select(tables.deliveries.c.feed, tables.deliveries.c.dt, tables.deliveries.c.reason)
            .where(tables.deliveries.c.status == "refused")
            .order_by(tables.deliveries.c.position)
        ).all()
    return [f"{feed} dt={date}: {reason}" for feed, date, reason in rows]


def _show(settings: Settings) -> None:
    ledger = open_ledger(settings)
    _console.print(_built(ledger))
    _console.print(_gates(ledger))
    _console.print(_money(settings))
    _console.print(f"stale partitions: {len(staleness.stale(settings))}")
    for line in addresses(settings):
        _console.print(line)


def _built(ledger: sa.Engine) -> Table:
    found = Table("table", "partitions", "rows", "money", title="Published", title_justify="left")
    query = sa.select(
        tables.pointers.c.table_name, tables.versions.c.rows, tables.versions.c.money
    ).join(tables.versions, tables.versions.c.version_id == tables.pointers.c.version_id)
    with ledger.connect() as connection:
        rows = connection.execute(query.order_by(tables.pointers.c.table_name)).all()
    for name in sorted({row.table_name for row in rows if row.table_name in _TABLES}):
        mine = [row for row in rows if row.table_name == name]
        money: dict[str, int] = {}
        for row in mine:
            for key, minor in row.money.items():
                money[key] = money.get(key, 0) + minor
        sales = [f"{k} {v:,}" for k, v in sorted(money.items()) if k.startswith("sales")]
        count, total = f"{len(mine)}", f"{sum(r.rows for r in mine):,}"
        found.add_row(name, count, total, ", ".join(sales))
    return found


def _gates(ledger: sa.Engine) -> Table:
    found = Table("gate", "passed", "failed", title="Gates", title_justify="left")
    results = tables.gate_results
    query = sa.select(
        results.c.gate,
        sa.func.count().filter(results.c.passed),
        sa.func.count().filter(~results.c.passed),
    ).group_by(results.c.gate)
    with ledger.connect() as connection:
        for row in connection.execute(query.order_by(results.c.gate)):
            found.add_row(*map(str, row))
    return found


def _money(settings: Settings) -> Table:
    """Sales per currency in the mart beside what the simulated shop knows it sold."""
    found = Table("currency", "sales in the mart", title="Money", title_justify="left")
    session = open_session(settings, name="demo")
    try:
        rows = session.sql(
            "SELECT currency, sum(sales_minor) AS sales FROM marts.fct_order_lines "
            "WHERE source_system = 'shop' GROUP BY currency ORDER BY currency"
        ).collect()
    finally:
        session.stop()
    truth: dict[str, int] = {}
    for (_, currency), sold in expected(FIRST_DAY, DAYS, SEED).items():
        truth[currency] = truth.get(currency, 0) + sold.sales
    found.add_column("sold by the shop before the correction")
    for row in rows:
        found.add_row(row.currency, _major(row.sales), _major(truth.get(row.currency, 0)))
    return found


def addresses(settings: Settings) -> Iterable[str]:
    """Where a person goes on from here."""
    web = f"http://127.0.0.1:{settings.airflow_port}"
    yield f"Airflow    {web}  (user {airflow.USER}, password {airflow.password(settings)})"
    yield f"dbt docs   {web}/countinghouse/dbt/index.html"
    yield f"Data Docs  {web}/countinghouse/data_docs/index.html"
    yield f"Thrift     jdbc:hive2://127.0.0.1:{settings.thrift_port}"


def _major(minor: int) -> str:
    return f"{Decimal(minor) / 100:,.2f}"


def say(text: str) -> None:
    """One line of progress."""
    _console.print(f"[bold]>[/bold] {text}")


if __name__ == "__main__":
    main()
