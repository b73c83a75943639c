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

    def run(self, build: "Build") -> None:
        """Land what has arrived, and build."""

    def earlier(self) -> Sequence[Partition]:
        """Partitions that have an earlier version, in a fixed order."""

    def held(self) -> Sequence[Partition]:
        """Partitions that are held, in a fixed order."""

    def roll_back(self, partition: Partition) -> None:
        """Publish an earlier version again, and hold it."""

    def release(self, partition: Partition) -> None:
        """End a hold."""


class Step(Protocol):
    """One step of a schedule; its text is a line, or a few."""

    def act(self, warehouse: Warehouse) -> "Step | None":
        """Do it; return the step that does just this in any schedule, None if it did nothing."""


@dataclass(frozen=True)
class Deliver:
    """A delivery; a second one for the same feed, date and sequence is its correction."""

    feed: str
    dt: str
    rows: Rows
    seq: int = 0

    def __str__(self) -> str:
        part = f" seq={self.seq:02}" if self.seq else ""
        lines = [", ".join(text or "-" for text in row) for row in self.rows]
        return "\n    ".join([f"deliver {self.feed} dt={self.dt}{part}", *(lines or ["no rows"])])

    def act(self, warehouse: Warehouse) -> Step:
        warehouse.deliver((self.feed, self.dt, self.seq), self.rows)
        return self


@dataclass(frozen=True)
class Correct:
    """The `n`th of the deliveries that have come is sent again, changed in one of `CHANGES`."""

    n: int
    how: str

    def act(self, warehouse: Warehouse) -> Step | None:
        found = warehouse.delivered()
        if not found:
            return None
        feed, dt, seq = key = found[self.n % len(found)]
        return Deliver(feed, dt, CHANGES[self.how](warehouse.versions(key)), seq).act(warehouse)


@dataclass(frozen=True)
class Build:
    """A run of some models over a range of dates; `killed` at a failpoint, `refused` by a gate."""

    selection: tuple[str, ...] = ("all",)
    first: str = ""
    last: str = OPEN
    forced: bool = False
    killed: str = ""
    refused: str = ""

    def __str__(self) -> str:
        dates = f" --from {self.first} --to {self.last}" if self.first else ""
        how = " --force" if self.forced else ""
        how += f", killed at {self.killed}" if self.killed else ""
        how += f", {self.refused} refused by its gate" if self.refused else ""
        return f"build {' '.join(self.selection)}{dates}{how}"

    def act(self, warehouse: Warehouse) -> Step:
        warehouse.run(self)
        return self


@dataclass(frozen=True)
class RollBack:
    """A partition is rolled back, or the `n`th of those that have an earlier version."""

    n: int = 0
    partition: Partition | None = None

    def __str__(self) -> str:
        return f"rollback {' '.join(self.partition or ())}"

    def act(self, warehouse: Warehouse) -> Step | None:
        chosen = _chosen(warehouse.earlier(), self.partition, self.n)
        if chosen:
            warehouse.roll_back(chosen)
        return RollBack(partition=chosen) if chosen else None


@dataclass(frozen=True)
class Release:
    """A held partition is released, or the `n`th of them."""

    n: int = 0
    partition: Partition | None = None

    def __str__(self) -> str:
        return f"release {' '.join(self.partition or ())}"

    def act(self, warehouse: Warehouse) -> Step | None:
        chosen = _chosen(warehouse.held(), self.partition, self.n)
        if chosen:
            warehouse.release(chosen)
        return Release(partition=chosen) if chosen else None


def _chosen(found: Sequence[Partition], partition: Partition | None, n: int) -> Partition | None:
    if partition is not None:
        return partition if partition in found else None
    return found[n % len(found)] if found else None


def raw(feed: str) -> str:
    """The raw table of `system.feed`."""
    return Feed.parse(feed).raw
