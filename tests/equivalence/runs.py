"""Runs random schedules, shrinks the first that does not end as it must, and counts."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from equivalence.duck_models import DuckModels, below
from equivalence.equal import Different, Ending, end_as_one_rebuild
from equivalence.in_memory import InMemory
from equivalence.schedules import schedules, short_schedules
from equivalence.shrinking import smallest
from equivalence.small_shop import FEEDS
from equivalence.steps import Step, raw
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from countinghouse.contracts import load_contracts
from countinghouse.dbt.dbt_graph import load_graph
from countinghouse.planning.model_graph import Graph
from countinghouse.settings import Settings

# Follows a schedule and counts what is equal, or raises Different.
Ends = Callable[[Sequence[Step]], int]


@dataclass
class Report:
    """What schedules came to; `difference` tells of the one that failed, as small as it gets."""

    wanted: int
    level: str = ""
    equal: int = 0
    steps: int = 0
    partitions: int = 0
    difference: str = ""
    began: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        what = f"schedules{self.level} equal to a clean rebuild"
        line = (
            f"equivalence: {self.equal} of {self.wanted} {what} | steps {self.steps:,} | "
            f"partitions compared {self.partitions:,} | {time.monotonic() - self.began:.0f} s"
        )
        return f"{self.difference}\n{line}" if self.difference else line


def real_models(
    project: Settings,
    feeds: Iterable[str] = FEEDS,
    *,
    graph: Graph | None = None,
    texts: Mapping[str, str] | None = None,
) -> DuckModels:
    """The project's models that are made of these feeds; `texts` replaces their SQL."""
    contracts = load_contracts(project.project)
    return DuckModels(graph or load_graph(project), [contracts[feed] for feed in feeds], texts)


def in_memory(models: DuckModels, count: int, start: int) -> Report:
    """Schedules over models on DuckDB."""
    names = [model.name for model in models.models]
    feeds = [str(contract.feed) for contract in models.contracts.values()]
    return follow(
        schedules(names, feeds), lambda s: end_as_one_rebuild(InMemory(models), s), count, start
    )


def through_engine(models: DuckModels, count: int, start: int) -> Report:
    """Short schedules through everything but Airflow, each on two installations of its own."""
    from equivalence.through_engine import installed

    return _through(installed, models, count, start, " through the engine")


def through_airflow(models: DuckModels, count: int, start: int) -> Report:
    """The same, with an Airflow that ingests and builds."""
    from equivalence.through_airflow import installed

    return _through(installed, models, count, start, " through Airflow")


def _through(
    installed: Callable[[], AbstractContextManager[Ending]],
    models: DuckModels,
    count: int,
    start: int,
    level: str,
) -> Report:
    from equivalence.through_engine import FEEDS as SENT

    def ends(schedule: Sequence[Step]) -> int:
        with installed() as warehouse:
            return end_as_one_rebuild(warehouse, schedule)

    names = [model.name for model in below(models.graph({}, {}), map(raw, SENT))]
    return follow(short_schedules(names, SENT), ends, count, start, level=level, small=False)


def follow(
    strategy: SearchStrategy[list[Step]],
    ends: Ends,
    count: int,
    start: int,
    *,
    level: str = "",
    small: bool = True,
) -> Report:
    """Try `count` schedules, the same ones for the same `start`; stop at the first difference.

    A schedule that fails is made small, unless each attempt costs minutes.
    """
    report, tried = Report(count, level), list[int]()

    @seed(start)
    @settings(
        # The first is always the simplest of all.
        max_examples=count + 1,
        # A difference is made small here: hypothesis would take minutes for it.
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def try_one(schedule: list[Step]) -> None:
        tried.append(len(schedule))
        if report.difference or len(tried) == 1:
            return
        try:
            report.partitions += ends(schedule)
        except Different as found:
            report.difference = _shrunk(ends, found) if small else str(found)
        else:
            report.equal += 1
            report.steps += len(schedule)

    try_one()
    return report


def _shrunk(ends: Ends, found: Different) -> str:
    small = smallest(found.steps, lambda steps: bool(_told(ends, steps)))
    return _told(ends, small) or str(found)


def _told(ends: Ends, schedule: Sequence[Step]) -> str:
    try:
        ends(schedule)
    except Different as found:
        return str(found)
    return ""
