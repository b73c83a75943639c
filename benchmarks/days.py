"""Days run one after the other, and all of them as one planned range: seconds, files, digests."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa

from benchmarks import sales
from benchmarks.measure import median, seconds
from countinghouse.ledger import open_ledger, tables
from countinghouse.runs.build import build
from countinghouse.runs.ingest import accept, contracts_of
from countinghouse.runs.land import land
from countinghouse.settings import Settings

STAGING = tuple(f"staging.{system}" for system in sales.SYSTEMS)
STAGES = ("accept", "land", "staging", "marts")


@dataclass
class Run:
    """One pass over what has come: seconds by stage, and files that it published."""

    lines: int
    took: dict[str, float] = field(default_factory=dict)
    files: int = 0

    @property
    def seconds(self) -> float:
        """Of all stages."""
        return sum(self.took.values())

    def rows_per_second_and_core(self, stage: str, cores: int) -> int:
        """Order lines through a stage."""
        return round(self.lines / self.took[stage] / cores)


def day(n: int) -> str:
    """The date of day `n`, counted from 0."""
    return (sales.FIRST + dt.timedelta(days=n)).isoformat()


def deliver(settings: Settings, days: Iterable[int], lines: int) -> int:
    """Deliveries of these days; returns their order lines."""
    return sum(
        sales.deliver(settings.landing_root, dt.date.fromisoformat(day(n)), lines) for n in days
    )


def one_pass(settings: Settings, lines: int, run_id: str) -> Run:
    """Land and build all that has come, as a daily run does; raises when anything is blocked."""
    run, before = Run(lines), _files(settings)
    contracts = contracts_of(settings, sales.SYSTEMS)
    steps: dict[str, Callable[[], object]] = {
        "accept": lambda: accept(settings, sales.SYSTEMS),
        "land": lambda: land(settings, contracts, run_id=run_id),
        "staging": lambda: _built(settings, STAGING, run_id),
        "marts": lambda: _built(settings, ("commerce",), run_id),
    }
    for stage, work in steps.items():
        run.took[stage] = seconds(work)
    run.files = _files(settings) - before
    return run


def one_by_one(settings: Settings, days: Iterable[int], lines: int) -> list[Run]:
    """A run for each day, each over the deliveries of that day alone."""
    return [one_pass(settings, deliver(settings, [n], lines), f"day {n}") for n in days]


def one_range(settings: Settings, days: Iterable[int], lines: int) -> Run:
    """One run over the deliveries of all days."""
    return one_pass(settings, deliver(settings, days, lines), "range")


def growth(runs: list[Run], early: int, late: int, *, around: int = 2) -> tuple[float, float]:
    """Seconds and files of the runs up to `late` as multiples of those from `early`; by medians."""
    first, last = runs[early : early + 2 * around + 1], runs[late - 2 * around : late + 1]
    seconds_ratio = median(r.seconds for r in last) / median(r.seconds for r in first)
    files_ratio = median(r.files for r in last) / median(r.files for r in first)
    return round(seconds_ratio, 3), round(files_ratio, 3)


def _built(settings: Settings, selection: tuple[str, ...], run_id: str) -> None:
    report = build(settings, selection, run_id=run_id)
    if report.failed:
        raise RuntimeError(f"{run_id}: {report.summary()}")


def _files(settings: Settings) -> int:
    """Files of all versions that were ever published."""
    published = sa.select(tables.publications.c.version_id)
    query = sa.select(sa.func.coalesce(sa.func.sum(tables.versions.c.files), 0)).where(
        tables.versions.c.version_id.in_(published)
    )
    with open_ledger(settings).connect() as connection:
        return int(connection.execute(query).scalar_one())
