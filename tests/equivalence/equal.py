"""A schedule's end against one clean rebuild; on a difference its steps and the first rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from equivalence.steps import Step, Warehouse

from countinghouse.planning.planner import Partition

_SHOWN = 3
Row = tuple[object, ...]
Contents = Mapping[Partition, Sequence[Row]]


class Ending(Warehouse, Protocol):
    """A warehouse whose end can be compared."""

    def settled(self) -> Contents:
        """What is published once every hold has ended and everything has been built."""

    def rebuilt(self) -> Contents:
        """What one build makes of the same log in an empty warehouse."""


class Different(AssertionError):
    """A schedule that ends otherwise than a clean rebuild: its steps and how they differ."""

    def __init__(self, steps: Sequence[Step], lines: Iterable[str]) -> None:
        self.steps = steps
        super().__init__("\n".join([*map(str, steps), *lines]))


def end_as_one_rebuild(warehouse: Ending, schedule: Iterable[Step]) -> int:
    """Follow the schedule and compare; returns how many partitions are equal."""
    done: list[Step] = []
    try:
        for step in schedule:
            done += filter(None, [step.act(warehouse)])
        ended, clean = warehouse.settled(), warehouse.rebuilt()
    except Exception as problem:
        raise Different(done, [f"then: {type(problem).__name__}: {problem}"]) from problem
    differing = [p for p in sorted({*ended, *clean}) if not _equal(ended.get(p), clean.get(p))]
    if differing:
        raise Different(done, _explained(differing, ended, clean))
    return len(clean)


def _equal(one: Sequence[Row] | None, other: Sequence[Row] | None) -> bool:
    return sorted(map(repr, one or ())) == sorted(map(repr, other or ()))


def _explained(differing: Sequence[Partition], ended: Contents, clean: Contents) -> Iterable[str]:
    yield f"{len(differing)} partitions differ from a clean rebuild, the first of them:"
    for partition in differing[:_SHOWN]:
        yield f"  {' '.join(partition)}"
        here, there = ended.get(partition, ()), clean.get(partition, ())
        for row in _only(here, there)[:_SHOWN]:
            yield f"    only in the schedule: {row}"
        for row in _only(there, here)[:_SHOWN]:
            yield f"    only in the rebuild:  {row}"


def _only(one: Sequence[Row], other: Sequence[Row]) -> list[str]:
    left = [repr(row) for row in other]
    return [text for text in map(repr, one) if text not in left or left.remove(text)]
