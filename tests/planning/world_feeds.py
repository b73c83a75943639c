"""What a world knows of its feeds: which rows of which delivery say something about a date."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from countinghouse.names import dates_between, plus_days
from countinghouse.planning.planner import Slice
from countinghouse.planning.positions import Gap, Positions, gap

Row = tuple[Any, ...]
Rows = Sequence[Row]
Digest = Callable[[Rows], str]


@dataclass(frozen=True)
class Delivery:
    """What a source sent; position and version are those of the log."""

    rows: tuple[Row, ...]
    position: int
    version: int


@dataclass(frozen=True)
class Feed:
    """A feed as its contract declares it; `day` and the others are columns of its raw rows."""

    kind: str
    day: int = 0
    restates_days: int | None = None
    position: int | None = None
    sequence: int | None = None

    def slices(self, dt: str, rows: Rows, digest: Digest) -> dict[str, str]:
        """Digests by business date of a delivery's rows; a snapshot is one state of its date."""
        if self.kind == "full_snapshot":
            return {}
        of_day: dict[str, list[Row]] = {}
        if self.restates_days is not None:
            of_day = {day: [] for day in dates_between(plus_days(dt, -self.restates_days), dt)}
            # Of several on one day the last one counts.
            last = max((row[self.sequence] for row in rows), default=0) if self.sequence else 0
            rows = [row for row in rows if not self.sequence or row[self.sequence] == last]
        for row in rows:
            of_day.setdefault(row[self.day], []).append(row)
        return {day: digest(found) for day, found in of_day.items()}

    def gap(self, landed: Mapping[str, Rows]) -> Gap | None:
        """What is missing in a change log without gaps, by delivery date."""
        if self.position is None:
            return None
        at = self.position
        return gap(
            {dt: Positions(tuple((r[at], r[at]) for r in rows)) for dt, rows in landed.items()}
        )

    def current(
        self, slices: Mapping[str, Mapping[str, str]], held: Iterable[str]
    ) -> dict[str, tuple[Slice, ...]]:
        """Which deliveries say something about each business date now."""
        # A cumulative feed is as its newest delivery says.
        said = [(dt, dt) for dt in sorted(slices) if dt not in set(held)]
        said = [("", dt) for _, dt in said[-1:]] if self.kind == "cumulative" else said
        found: dict[str, tuple[Slice, ...]] = {}
        for name, dt in said:
            for day, digest in slices[dt].items():
                found[day] = (*found.get(day, ()), Slice(name, digest))
        return found
