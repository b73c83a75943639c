"""Makes a schedule that fails small: what can be left out without its passing is left out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from equivalence.steps import Build, Deliver, Step


def smallest(schedule: Sequence[Step], fails: Callable[[Sequence[Step]], bool]) -> Sequence[Step]:
    """A schedule that fails and of which nothing can be left out; `fails` is asked many times."""
    size = len(schedule)
    while size:
        found = next((less for less in _without(schedule, size) if fails(less)), None)
        schedule, size = (found, min(size, len(found))) if found else (schedule, size // 2)
    n = 0
    while n < len(schedule):
        simpler = ([*schedule[:n], less, *schedule[n + 1 :]] for less in _less(schedule[n]))
        found = next(filter(fails, simpler), None)
        schedule, n = (found, n) if found else (schedule, n + 1)
    return schedule


def _without(schedule: Sequence[Step], size: int) -> Iterator[Sequence[Step]]:
    """The schedule without `size` steps that follow one another; the last ones first."""
    for start in reversed(range(0, len(schedule), size)):
        yield [*schedule[:start], *schedule[start + size :]]


def _less(step: Step) -> Iterator[Step]:
    if isinstance(step, Deliver):
        for n in range(len(step.rows)):
            yield replace(step, rows=(*step.rows[:n], *step.rows[n + 1 :]))
    if isinstance(step, Build) and step != Build():
        plain = Build()
        yield plain
        simpler = (
            replace(step, selection=plain.selection),
            replace(step, first=plain.first, last=plain.last),
            replace(step, forced=False),
            replace(step, killed="", refused=""),
        )
        yield from (less for less in simpler if less != step)
