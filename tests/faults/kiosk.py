"""A feed and two models of it in a dbt project of their own, built in processes that die.

A day holds as many lines as it is told, of 1 EUR each: what a reader may see is easy to say.
"""

import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml
from feeds import HEADER, csv_of, declaration, deliver, write_declaration

from countinghouse import deliveries
from countinghouse.contracts import Contract, load_contracts
from countinghouse.dbt import dbt_session
from countinghouse.runs.build import build
from countinghouse.runs.land import land
from countinghouse.runs.report import RunReport
from countinghouse.settings import PROJECT_ROOT, Settings, load
from tests.faults.children import Child, child

LINES = """
select id, line, cast(amount * 100 as bigint) as amount_minor, currency, _business_date as dt
from {{ source('SYSTEM', 'sales') }}
where _business_date in (select dt from {{ run_dates() }})
"""
SUMS = """
select count(*) as line_count, sum(amount_minor) as amount_minor, currency, dt
from {{ ref('stg_SYSTEM__sales') }}
where dt in (select dt from {{ run_dates() }})
group by currency, dt
"""
_TYPES = {"id": "string", "line": "int", "line_count": "bigint", "amount_minor": "bigint"}
# When a process dies: about to make the n-th table, while the engine makes it, or when it is made.
MOMENTS = ((1, "before"), (1, "during"), (2, "during"), (2, "after"))


@dataclass(frozen=True)
class Kiosk:
    """What is sold on a few days, from the landing folder to a mart."""

    settings: Settings
    ledger: sa.Engine
    system: str

    @property
    def sums(self) -> str:
        return f"marts.rpt_{self.system}"

    @property
    def staged(self) -> str:
        return f"staging.stg_{self.system}__sales"

    @property
    def contract(self) -> Contract:
        return load_contracts(self.settings.project)[f"{self.system}.sales"]

    def land(self, **lines_of_day: int) -> None:
        """Deliver and land so many lines of days `d02`, `d03`, ... of March 2026."""
        for name, count in lines_of_day.items():
            dt = day(name)
            lines = [f"{dt} {n},1,1.00,EUR,{dt}T10:00:00Z,x" for n in range(count)]
            text = csv_of(*lines, header=HEADER)
            deliver(self.settings.landing_root, self.contract, dt, text)
        for arrival in deliveries.discover(self.settings, self.contract):
            deliveries.accept(self.ledger, self.settings, self.contract, arrival)
        done = land(self.settings, [self.contract], run_id=self.system)
        assert not done.failed, done.summary()

    def build(self, *dates: str) -> RunReport:
        run_id = f"process {os.getpid()}"
        return build(self.settings, [self.staged, self.sums], *dates, run_id=run_id)

    @contextmanager
    def builder(self, *dates: str, **doom: Any) -> Iterator[Child]:
        """A process that builds these dates, first and last, and may be doomed: see `_doom`."""
        with child(build_in_child, self.settings, self.system, dates, doom) as started:
            yield started

    def shown(self, session: Any) -> dict[str, tuple[int, int]]:
        """Lines and cents by date, as analysts see them."""
        query = f"select dt, line_count, amount_minor from {self.sums}"
        return {row[0]: (row[1], row[2]) for row in session.sql(query).collect()}


def day(name: str) -> str:
    return f"2026-03-{name[1:]}"


def sold(**lines_of_day: int) -> dict[str, tuple[int, int]]:
    """What the mart has to show."""
    return {day(name): (count, count * 100) for name, count in lines_of_day.items()}


def open_kiosk(settings: Settings, ledger: sa.Engine, folder: Path) -> Kiosk:
    """A kiosk with its project and landing folder below `folder`."""
    system = f"kiosk_{uuid.uuid4().hex[:8]}"
    skipped = shutil.ignore_patterns("models", "target", "logs")
    shutil.copytree(PROJECT_ROOT / "dbt_project", folder / "dbt_project", ignore=skipped)
    source = declaration(system) | {"schema": "raw"}
    source["tables"][0]["identifier"] = f"{system}__sales"
    models = write_declaration(folder, source).parent
    shutil.copy(PROJECT_ROOT / "tests/dbt/models/plan.yml", models)
    _model(models / "staging" / system / f"stg_{system}__sales.sql", LINES)
    _model(models / "marts" / "commerce" / f"rpt_{system}.sql", SUMS)
    own = settings.model_copy(update={"project": folder, "landing": folder / "landing"})
    return Kiosk(own, ledger, system)


def _model(file: Path, sql: str) -> None:
    file.parent.mkdir(parents=True)
    system = file.stem.removeprefix("stg_").removeprefix("rpt_").removesuffix("__sales")
    file.write_text(sql.replace("SYSTEM", system))
    names = ["id", "line"] if sql is LINES else ["line_count"]
    columns = [
        {"name": name, "data_type": _TYPES.get(name, "string"), "description": f"{name}."}
        for name in (*names, "amount_minor", "currency", "dt")
    ]
    once = {"name": "a_line_is_sold_once", "arguments": {"columns": ["id", "line"]}}
    few = {"name": "few_lines_are_sold", "arguments": {"expression": "line_count < 10"}}
    test: dict[str, Any] = {"unique_combination": once}
    if sql is SUMS:
        # Somebody should look at it; it keeps nothing back.
        test = {"expression_is_true": few | {"config": {"severity": "warn"}}}
    model = {"name": file.stem, "description": "Sales. One row per line or day."}
    model |= {"columns": columns, "data_tests": [test]}
    file.with_suffix(".yml").write_text(yaml.safe_dump({"version": 2, "models": [model]}))


def build_in_child(
    outcome: Any, settings: Settings, system: str, dates: tuple[str, ...], doom: dict[str, Any]
) -> None:
    """Build as a process of its own; `outcome` is told what was published, or the error."""
    from countinghouse.ledger import open_ledger

    ours = {"project": settings.project, "landing": settings.landing}
    kiosk = Kiosk(load().model_copy(update=ours), open_ledger(load()), system)
    _doom(**doom)
    try:
        outcome.send(kiosk.build(*dates).published)
    except Exception as error:
        outcome.send(f"{type(error).__name__}: {error}")


def _doom(failpoint: str = "", table: int = 0, when: str = "") -> None:
    """Let this process reach a failpoint, or die of SIGKILL as it makes its n-th table."""
    if failpoint:
        os.environ["COUNTINGHOUSE_FAILPOINT"] = failpoint
    execute, made = dbt_session._Cursor.execute, [0]

    def watched(cursor: Any, sql: str, *parameters: Any) -> None:
        made[0] += "create table" in sql
        hit = when if made[0] == table and "create table" in sql else ""
        if hit == "during":
            threading.Timer(0.1, _die).start()
        if hit == "before":
            _die()
        execute(cursor, sql, *parameters)
        if hit == "after":
            _die()

    if when:
        dbt_session._Cursor.execute = watched  # type: ignore[method-assign]


def _die() -> None:
    os.kill(os.getpid(), 9)
