"""Five days of a shop through Airflow: a late file, a corrupt delivery, its correction.

    python -m simulator.demo

Everything it prints is read back from the ledger and the engine. A second run changes nothing.
"""

import datetime as dt
import logging
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from subprocess import PIPE, STDOUT
from typing import Any

import sqlalchemy as sa
from rich.console import Console

from countinghouse import docs
from countinghouse.errors import CountinghouseError
from countinghouse.ledger import open_ledger, tables
from countinghouse.planning import staleness
from countinghouse.services import airflow, control, postgres
from countinghouse.services.airflow_api import AirflowApi
from countinghouse.settings import QUICK_COMPILER, Settings, load
from simulator import demo_report, expected, write_correction, write_deliveries
from simulator.deliveries import Defects, write_corrupt
from simulator.demo_report import major

FIRST_DAY = dt.date(2026, 3, 2)
DAYS = 5
SEED = 7
LATE, CORRUPT = 2, 3
WITHDRAWN = 1
_RUN_SECONDS = 420
_BEGAN = time.monotonic()
_console = Console(width=110, highlight=False)


def day(n: int) -> str:
    """The date of day `n` of the demo, counted from 0."""
    return (FIRST_DAY + dt.timedelta(days=n)).isoformat()


def main() -> None:
    """Run the demo, or show what it left if it ran before."""
    logging.getLogger("countinghouse").setLevel(logging.ERROR)
    settings = load()
    settings.home.mkdir(parents=True, exist_ok=True)
    say("starting PostgreSQL, the engine and Airflow")
    options = f"{settings.java_options} {QUICK_COMPILER}"
    control.up(settings.model_copy(update={"java_options": options}))
    if _ran(settings):
        say("the demo has run here before: nothing to do")
    else:
        _act(settings)
    _report(settings)
    say("done; stop everything with: countinghouse down")


def _act(settings: Settings) -> None:
    say(f"{DAYS} days of deliveries, the order items of {day(LATE)} missing")
    defects = Defects(late=None, corrupt=None, held=LATE)
    write_deliveries(settings.landing_root, FIRST_DAY, DAYS, SEED, defects=defects)
    last = DAYS - 1
    _backfill(settings, ("ingest_ecb_fx", last, last), ("ingest_shop", 0, last))
    before = _sales(settings, day(CORRUPT))
    say(f"published; {day(CORRUPT)} has {before}")

    corrected = FIRST_DAY + dt.timedelta(days=CORRUPT)
    say(f"a corrupt correction of {day(CORRUPT)} comes")
    write_corrupt(settings.landing_root, corrected, SEED)
    _clear(settings, CORRUPT)
    for reason in _refusals(settings):
        say(f"refused: {reason}")
    say(f"still readable: {day(CORRUPT)} has {_sales(settings, day(CORRUPT))}")

    say(f"the late file of {day(LATE)} comes, and a good correction: one order line less")
    write_correction(settings.landing_root, FIRST_DAY + dt.timedelta(days=LATE), SEED)
    write_correction(settings.landing_root, corrected, SEED, withdrawn=WITHDRAWN)
    _clear(settings, LATE, CORRUPT)
    say(f"published; {day(LATE)} has {_sales(settings, day(LATE))}")
    say(f"published; {day(CORRUPT)} has {_sales(settings, day(CORRUPT))}")
    say("writing dbt docs and Data Docs")
    docs.generate(settings)


def _ran(settings: Settings) -> bool:
    """Whether the late file, which comes last, has been accepted."""
    log = tables.deliveries.c
    query = sa.select(sa.func.count()).where(
        log.feed == "shop.order_items", log.dt == day(LATE), log.status == "accepted"
    )
    with open_ledger(settings).connect() as connection:
        return connection.execute(query).scalar_one() > 0


def _backfill(settings: Settings, *spans: tuple[str, int, int]) -> None:
    """Backfills of (DAG, first day, last day) by Airflow's own command, and what they wake."""
    started = []
    for dag_id, first, last in spans:
        command = ["airflow", "backfill", "create", "--dag-id", dag_id]
        command += ["--from-date", day(first), "--to-date", day(last)]
        command += ["--reprocess-behavior", "completed", "--max-active-runs", "1"]
        _console.print(f"        $ {' '.join(command)}", style="dim", soft_wrap=True)
        environment = airflow.environment(settings)
        started.append(subprocess.Popen(command, env=environment, stdout=PIPE, stderr=STDOUT))
    for process in started:
        output, _ = process.communicate()
        if process.returncode != 0:
            raise CountinghouseError(
                f"Airflow did not accept the backfill: {output.decode()[-2000:]}",
                remedy="countinghouse logs scheduler",
            )
    _wait(settings)


def _clear(settings: Settings, *days: int) -> None:
    """Have Airflow do the runs of some days again: what has come since is landed."""
    api, wanted = AirflowApi(settings), {day(n) for n in days}
    for run in _backfills(settings):
        if run["dag_id"] == "ingest_shop" and run["partition_key"] in wanted:
            _console.print(f"        clear ingest_shop {run['partition_key']}", style="dim")
            api.clear("ingest_shop", run["run_id"])
    _wait(settings)


def _backfills(settings: Settings) -> list[Mapping[str, Any]]:
    """Runs of backfills, as Airflow's database has them."""
    engine = sa.create_engine(postgres.url(settings, "airflow", driver="psycopg"))
    query = sa.text(
        "SELECT dag_id, run_id, partition_key, state FROM dag_run WHERE run_type = 'backfill'"
    )
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _wait(settings: Settings) -> None:
    """Until every backfill has ended and nothing is stale: the marts follow the touched dates.

    What is decided is not stale any more, but visible only when its attempt has ended.
    """
    end = time.monotonic() + _RUN_SECONDS
    while True:
        unfinished = [r for r in _backfills(settings) if r["state"] in ("queued", "running")]
        if not unfinished and not staleness.stale(settings) and not _open_attempts(settings):
            return
        if time.monotonic() > end:
            raise CountinghouseError(
                f"after {_RUN_SECONDS} s still unfinished: {unfinished[:5]}",
                remedy="countinghouse status; countinghouse logs scheduler",
            )
        time.sleep(2)


def _open_attempts(settings: Settings) -> int:
    query = sa.select(sa.func.count()).where(tables.attempts.c.state == "open")
    with open_ledger(settings).connect() as connection:
        return int(connection.execute(query).scalar_one())


def _sales(settings: Settings, date: str) -> str:
    found = demo_report.sales(settings, date).items()
    lines = sum(count for _, (count, _) in found)
    shown = [f"{major(minor, currency)} {currency}" for currency, (_, minor) in found]
    return f"{lines} order lines, {', '.join(shown)}"


def _refusals(settings: Settings) -> list[str]:
    with open_ledger(settings).connect() as connection:
        rows = connection.execute(
            sa.select(tables.deliveries.c.feed, tables.deliveries.c.dt, tables.deliveries.c.reason)
            .where(tables.deliveries.c.status == "refused")
            .order_by(tables.deliveries.c.position)
        ).all()
    return [f"{feed} dt={date}: {reason}" for feed, date, reason in rows]


def _report(settings: Settings) -> None:
    truth: Counter[str] = Counter()
    withdrawn = {FIRST_DAY + dt.timedelta(days=CORRUPT): WITHDRAWN}
    for (_, currency), sold in expected(FIRST_DAY, DAYS, SEED, withdrawn=withdrawn).items():
        truth[currency] += sold.sales
    ledger = open_ledger(settings)
    for table in (
        demo_report.built(ledger),
        demo_report.gates(ledger),
        demo_report.money(settings, truth),
    ):
        _console.print(table)
    for line in demo_report.closing(settings):
        _console.print(line, soft_wrap=True)


def say(text: str) -> None:
    """One line of progress, with the seconds since the start."""
    _console.print(f"[bold]{time.monotonic() - _BEGAN:4.0f} s[/bold]  {text}", soft_wrap=True)


if __name__ == "__main__":
    main()
