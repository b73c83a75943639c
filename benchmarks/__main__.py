"""Measures, prints a table with the targets, saves JSON.

    make bench
    python -m benchmarks --only marts,stages --lines 100000,1000000

Installations of its own, in a temporary folder. Everything takes some two hours on two cores; with
`--runs 365` a year of daily runs as well.
"""

import argparse
import datetime as dt
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from benchmarks import days, marts, measure, stock, through_airflow
from benchmarks.measure import Memory, machine, median
from countinghouse.landing.treatments import PII_KEY
from countinghouse.settings import Settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from equality import differences, digests
from installations import another, free_ports

PARTS = ("stages", "marts", "range", "airflow", "stock")
# Parts that are measured in the course of another.
_WITHIN = {"stages": ["marts"], "airflow": ["stock"]}
RESULTS = Path(__file__).parent / "results"
_console = Console(width=110, highlight=False)


@dataclass(frozen=True)
class Figure:
    """One line of the table; `ok` is None where there is no target."""

    name: str
    value: str
    target: str = ""
    ok: bool | None = None


@dataclass
class Bench:
    """What was asked for, and what was found so far."""

    folder: Path
    lines: list[int]
    only: list[str]
    # So few that a run costs what it costs however little comes.
    small: int
    range_days: int
    last_run: int
    figures: list[Figure] = field(default_factory=list)
    measured: dict[str, Any] = field(default_factory=dict)

    def add(
        self, name: str, value: float, limit: float | None = None, *, at_least: bool = False
    ) -> None:
        """Note a figure, and whether it keeps to its limit."""
        target = "" if limit is None else f"{'at least' if at_least else 'at most'} {limit:g}"
        ok = None if limit is None else (value >= limit if at_least else value <= limit)
        self.figures.append(Figure(name, f"{value:,.4g}", target, ok))
        _console.print(f"  {name}: {value:,.4g}" + (f" ({target})" if target else ""))


def main() -> None:
    """Measure what was asked for; exit code 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--lines", default="100000,1000000,10000000", help="order lines a day")
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--small", type=int, default=1000, help="lines a day of the many days")
    parser.add_argument("--days", type=int, default=30, help="days of the range")
    parser.add_argument("--runs", type=int, default=60, help="daily runs that are compared")
    asked = parser.parse_args()
    if unknown := set(asked.only.split(",")) - {*PARTS}:
        parser.error(f"no part is named {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(
            Path(folder),
            [int(number) for number in asked.lines.split(",")],
            asked.only.split(","),
            asked.small,
            asked.days,
            asked.runs,
        )
        parts = {
            "stages": _stages,
            "range": _range,
            "airflow": _airflow,
        }
        for name, part in parts.items():
            if {name, *_WITHIN.get(name, ())} & {*bench.only}:
                part(bench)
    _show(bench)
    sys.exit(any(figure.ok is False for figure in bench.figures))


@contextmanager
def _installation(bench: Bench, name: str, **properties: SecretStr) -> Iterator[Settings]:
    """One that is up; `properties` are more of the engine's."""
    home = Path(tempfile.mkdtemp(dir=bench.folder))
    # Persons are hashed alike in all of them: their digests can be compared.
    (home / "secrets").mkdir(mode=0o700)
    (home / "secrets" / PII_KEY).write_text("the key of a benchmark")
    _console.print(f"[bold]{name}[/bold]")
    with another(home, spark_properties=properties) as settings:
        yield settings


def _stages(bench: Bench) -> None:
    """The second of two days, stage by stage, then its models beside DuckDB."""
    for lines in bench.lines:
        with _installation(bench, f"{lines:,} lines a day") as settings:
            with Memory(settings).watched() as memory:
                *_, run = days.one_by_one(settings, range(2), lines)
            for stage in days.STAGES:
                rate = run.rows_per_second_and_core(stage, marts.CORES)
                bench.add(f"{lines:,}: {stage}, s", run.took[stage])
                bench.add(f"{lines:,}: {stage}, rows/s and core", rate)
            bench.add(f"{lines:,}: peak memory of all processes, MB", memory.megabytes)
            bench.add(f"{lines:,}: files of the day", run.files)
            if "marts" in bench.only:
                _marts(bench, settings, lines)


def _marts(bench: Bench, settings: Settings, lines: int) -> None:
    # Below that the time of a statement counts more than its rows.
    limit = 3.0 if lines >= 1_000_000 else None
    for mart in marts.compare(settings, days.day(1)):
        heavy = mart.model in ("all", "marts.fct_order_lines")
        bench.add(f"{lines:,}: {mart.model}, engine/DuckDB", mart.ratio, limit if heavy else None)
        bench.measured[f"{lines} {mart.model}"] = asdict(mart)


def _range(bench: Bench) -> None:
    """Daily runs against one range, then more daily runs for what a long history costs.

    A day before them is built in both: what starting an engine costs is no part of a daily run.
    """
    last, small = bench.range_days, bench.small
    with _installation(bench, f"{last} days as one range") as settings:
        days.one_by_one(settings, [0], small)
        one = days.one_range(settings, range(1, last + 1), small)
        expected = digests(settings, days.day(last))
    with _installation(bench, f"{bench.last_run} daily runs") as settings:
        runs = days.one_by_one(settings, range(last + 1), small)
        found = digests(settings, days.day(last))
        bench.add("partitions that differ", len(differences(expected, found)), 0)
        daily = sum(run.seconds for run in runs[1:])
        bench.add(f"{last} daily runs / one range", daily / one.seconds, 10, at_least=True)
        runs += days.one_by_one(settings, range(last + 1, bench.last_run + 1), small)
    time, files = days.growth(runs, 2, len(runs) - 1)
    bench.add(f"run {bench.last_run} / run 2, time", time, 1.05)
    bench.add(f"run {bench.last_run} / run 2, files", files, 1.05)
    bench.measured["daily runs"] = [asdict(run) for run in runs]
    bench.measured["range"] = asdict(one)


def _airflow(bench: Bench) -> None:
    """Daily runs through Airflow, and the same day in a stock set-up."""
    for lines in bench.lines[:2]:
        with _installation(
            bench, f"{lines:,} lines a day through Airflow", **measure.EVERY_STATEMENT
        ) as settings:
            _, *found = through_airflow.measure(settings, lines, first=0, count=4)
        wall = median(one.wall for one in found)
        limit = 1.3 if lines >= 1_000_000 else None
        bench.add(f"{lines:,}: a day through Airflow, s", wall)
        bench.add(f"{lines:,}: wall/engine busy", median(o.overhead for o in found), limit)
        bench.measured[f"{lines} through Airflow"] = [asdict(one) for one in found]
        # What starting everything anew costs, not what many rows cost: the smaller size shows it.
        if "stock" in bench.only and lines == bench.lines[0]:
            _stock(bench, lines, wall)


def _stock(bench: Bench, lines: int, ours: float) -> None:
    home = Path(tempfile.mkdtemp(dir=bench.folder))
    took = stock.measure(home, lines, free_ports()["thrift_port"])
    bench.add(f"{lines:,}: stock set-up, s", sum(took.values()))
    bench.add(f"{lines:,}: stock/ours", sum(took.values()) / ours, 5, at_least=True)
    bench.measured[f"{lines} stock"] = took


def _show(bench: Bench) -> None:
    found = machine()
    table = Table("figure", "measured", "target", "")
    for figure in bench.figures:
        said = {None: "", True: "met", False: "[bold]missed[/bold]"}[figure.ok]
        table.add_row(figure.name, figure.value, figure.target, said)
    _console.print(table)
    _console.print(", ".join(f"{name} {value}" for name, value in found.items()))
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H%M}.json"
    content = {
        "machine": found,
        "figures": [asdict(figure) for figure in bench.figures],
        "measured": bench.measured,
    }
    file.write_text(json.dumps(content, indent=1))
    _console.print(f"saved {file}")


if __name__ == "__main__":
    main()
