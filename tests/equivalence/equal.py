"""A schedule's end against one clean rebuild; on a difference its steps and the first rows."""

from collections.abc import Iterable, Mapping, Sequence

from equivalence.in_memory import InMemory
from equivalence.steps import Step

from countinghouse.planning.planner import Partition

_SHOWN = 3


class Different(AssertionError):
    """A schedule that ends otherwise than a clean rebuild; the message tells all."""


def end_as_one_rebuild(warehouse: InMemory, schedule: Iterable[Step]) -> int:
    """Follow the schedule and compare; returns how many partitions are equal."""
    told: list[str] = []
    try:
        for step in schedule:
            told.append(step.act(warehouse))
        ended, clean = warehouse.settled(), warehouse.rebuilt()
    except Exception as problem:
        raise Different("\n".join([*told, f"fails: {type(problem).__name__}: {problem}"])) from None
    differing = [p for p in sorted({*ended, *clean}) if not _equal(ended.get(p), clean.get(p))]
    if differing:
        raise Different("\n".join([*told, *_explained(differing, ended, clean)]))
    return len(clean)


Row = tuple[object, ...]
Contents = Mapping[Partition, Sequence[Row]]


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
