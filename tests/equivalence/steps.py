"""The steps of a schedule: each acts on a warehouse, and says in one line what it did."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from equivalence.small_shop import Rows

from countinghouse.names import OPEN, Feed
from countinghouse.planning.planner import Partition

# Where a build is killed: before anything is decided, or when all of it is.
KILLED = ("mid_write", "before_publish", "after_decide", "in_publish_after_pointer")


# Feed, date and sequence.
Key = tuple[str, str, int]
CHANGES: Mapping[str, Callable[[Sequence[Rows]], Rows]] = {
    "the first row gone": lambda versions: versions[-1][1:],
    "the last row twice": lambda versions: (*versions[-1], *versions[-1][-1:]),
    "in another order": lambda versions: versions[-1][::-1],
    "as it first was": lambda versions: versions[0],
    "as it is": lambda versions: versions[-1],
}


class Warehouse(Protocol):
    """What schedules act on."""

    def deliver(self, key: Key, rows: Rows) -> None:
        """A delivery, or the correction of one, arrives."""

    def delivered(self) -> Sequence[Key]:
        """What something was delivered for, in a fixed order."""

    def versions(self, key: Key) -> Sequence[Rows]:
        """What was delivered for it, the newest last."""

    def run(self, build: "Build") -> str:
        """Land what has arrived and build; how it ended."""

    def earlier(self) -> Sequence[Partition]:
        """Partitions that have an earlier version, in a fixed order."""

    def held(self) -> Sequence[Partition]:
        """Partitions that are held, in a fixed order."""

    def roll_back(self, partition: Partition) -> None:
        """Publish an earlier version again, and hold it."""

    def release(self, partition: Partition) -> None:
        """End a hold."""


class Step(Protocol):
    """One step of a schedule."""

    def act(self, warehouse: Warehouse) -> str:
        """Do it, and say what was done."""


@dataclass(frozen=True)
class Deliver:
    """A delivery; a second one for the same feed, date and sequence is its correction."""

    feed: str
    dt: str
    rows: Rows
    seq: int = 0

    def act(self, warehouse: Warehouse) -> str:
        key = self.feed, self.dt, self.seq
        warehouse.deliver(key, self.rows)
        return "\n    ".join([f"deliver {_said(key)}", *_lines(self.rows)])


@dataclass(frozen=True)
class Correct:
    """The `n`th of the deliveries that have come is sent again, changed in one of `CHANGES`."""

    n: int
    how: str

    def act(self, warehouse: Warehouse) -> str:
        found = warehouse.delivered()
        if not found:
            return "correct: nothing has come"
        key = found[self.n % len(found)]
        rows = CHANGES[self.how](warehouse.versions(key))
        warehouse.deliver(key, rows)
        return "\n    ".join([f"correct {_said(key)}, {self.how}", *_lines(rows)])


@dataclass(frozen=True)
class Build:
    """A run of some models over a range of dates; `killed` at a failpoint, `refused` by a gate."""

    selection: tuple[str, ...] = ("all",)
    first: str = ""
    last: str = OPEN
    forced: bool = False
    killed: str = ""
    refused: str = ""

    def act(self, warehouse: Warehouse) -> str:
        dates = f" --from {self.first} --to {self.last}" if self.first else ""
        how = " --force" if self.forced else ""
        how += f", killed at {self.killed}" if self.killed else ""
        how += f", {self.refused} refused by its gate" if self.refused else ""
        return f"build {' '.join(self.selection)}{dates}{how}: {warehouse.run(self)}"


@dataclass(frozen=True)
class RollBack:
    """The `n`th of the partitions that have an earlier version is rolled back."""

    n: int

    def act(self, warehouse: Warehouse) -> str:
        found = warehouse.earlier()
        if not found:
            return "roll back: nothing has an earlier version"
        partition = found[self.n % len(found)]
        warehouse.roll_back(partition)
        return f"rollback {' '.join(partition)}"


@dataclass(frozen=True)
class Release:
    """The `n`th of the held partitions is released."""

    n: int

    def act(self, warehouse: Warehouse) -> str:
        found = warehouse.held()
        if not found:
            return "release: nothing is held"
        partition = found[self.n % len(found)]
        warehouse.release(partition)
        return f"release {' '.join(partition)}"


def _said(key: Key) -> str:
    feed, dt, seq = key
    return f"{feed} dt={dt} seq={seq:02}" if seq else f"{feed} dt={dt}"


def _lines(rows: Rows) -> list[str]:
    return [", ".join(text or "-" for text in row) for row in rows]


def raw(feed: str) -> str:
    """The raw table of `system.feed`."""
    return Feed.parse(feed).raw
