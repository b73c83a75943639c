"""Runs random schedules, shrinks the first that does not end as it must, and counts."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from equivalence.duck_models import DuckModels
from equivalence.equal import Different, end_as_one_rebuild
from equivalence.in_memory import InMemory
from equivalence.schedules import schedules
from equivalence.small_shop import FEEDS
from equivalence.steps import Step
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy

from countinghouse.contracts import load_contracts
from countinghouse.dbt.dbt_graph import load_graph
from countinghouse.settings import Settings


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


def real_models(project: Settings) -> DuckModels:
    """The project's models that are made of the feeds of `small_shop`."""
    contracts = load_contracts(project.project)
    return DuckModels(load_graph(project), [contracts[feed] for feed in FEEDS])


def in_memory(models: DuckModels, count: int, start: int) -> Report:
    """Schedules over models on DuckDB."""
    names = [model.name for model in models.models]
    return follow(
        schedules(names), lambda steps: end_as_one_rebuild(InMemory(models), steps), count, start
    )


def follow(
    strategy: SearchStrategy[list[Step]],
    ends: Callable[[list[Step]], int],
    count: int,
    start: int,
    level: str = "",
) -> Report:
    """Try `count` schedules, the same ones for the same `start`; stop at the first difference."""
    report = Report(count, level)

    @seed(start)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(strategy)
    def try_one(schedule: list[Step]) -> None:
        try:
            compared = ends(schedule)
        except Different as found:
            report.difference = str(found)
            raise
        # What comes after a difference only makes it smaller.
        if not report.difference:
            report.equal += 1
            report.steps += len(schedule)
            report.partitions += compared

    with contextlib.suppress(Different):
        try_one()
    return report
