"""Change logs without gaps: what lies behind a missing position is held until it comes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Range = tuple[int, int]


@dataclass(frozen=True)
class Positions:
    """Ranges of positions of one delivery date, and those that will never come."""

    ranges: tuple[Range, ...]
    known_missing: tuple[Range, ...] = ()
    first: int | None = None


@dataclass(frozen=True)
class Gap:
    """The first positions that are missing, and the delivery dates that wait for them."""

    first: int
    last: int
    held: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        missing = f"positions {self.first} to {self.last} are missing"
        if self.first == self.last:
            missing = f"position {self.first} is missing"
        return f"{missing}; held: dt={', dt='.join(self.held)}"


def gap(by_date: Mapping[str, Positions]) -> Gap | None:
    """The first gap in a log, whatever the order of its deliveries; None if there is none."""
    came = _merged([span for each in by_date.values() for span in each.ranges])
    if not came:
        return None
    starts = [each.first for each in by_date.values() if each.first is not None]
    known = [span for each in by_date.values() for span in each.known_missing]
    begin = min(starts, default=came[0][0])
    end = begin - 1
    for first, last in _merged([*came, *known]):
        if first > end + 1:
            held = sorted(dt for dt, each in by_date.items() if _last(each) > end)
            return Gap(end + 1, first - 1, tuple(held))
        end = max(end, last)
    return None


def _last(found: Positions) -> int:
    return max((last for _, last in found.ranges), default=0)


def _merged(ranges: Sequence[Range]) -> list[Range]:
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged
