"""A warehouse in memory over the real models, and the clean rebuild that it is compared with."""

from collections.abc import Sequence

from equivalence.duck_models import DuckModels
from equivalence.small_shop import Rows
from equivalence.steps import KILLED, Build, Key, raw
from planning.world import World

from countinghouse.planning.planner import Partition

_DECIDED = KILLED.index("after_decide")
Contents = dict[Partition, tuple[tuple[object, ...], ...]]


class InMemory:
    """Steps on a world; what was killed after its decision is rolled forward."""

    def __init__(self, models: DuckModels) -> None:
        self.world = World(models)
        self.sent: dict[Key, list[Rows]] = {}

    def deliver(self, key: Key, rows: Rows) -> None:
        self.sent.setdefault(key, []).append(rows)
        feed, dt, seq = key
        self.world.accept(raw(feed), dt, rows, seq)

    def delivered(self) -> Sequence[Key]:
        return sorted(self.sent)

    def versions(self, key: Key) -> Sequence[Rows]:
        return self.sent[key]

    def run(self, build: Build) -> None:
        self.world.land()
        if build.killed and KILLED.index(build.killed) < _DECIDED:
            return
        dates, fails = (build.first, build.last), {build.refused} - {""}
        self.world.build(build.selection, *dates, forced=build.forced, fails=fails)

    def earlier(self) -> Sequence[Partition]:
        models = self.world.graph.by_name
        found = self.world.history.items()
        return sorted(p for p, versions in found if len(versions) > 1 and p[0] in models)

    def held(self) -> Sequence[Partition]:
        return sorted(self.world.held)

    def roll_back(self, partition: Partition) -> None:
        self.world.roll_back(partition)

    def release(self, partition: Partition) -> None:
        self.world.held.discard(partition)

    def settled(self) -> Contents:
        """What is published once every hold has ended and everything has been built."""
        self.world.held.clear()
        self.world.land()
        self.world.build()
        assert not self.world.stale(), f"still stale: {sorted(self.world.stale())[:5]}"
        assert not self.world.plan(), "there is more to build"
        return self.world.contents()

    def rebuilt(self) -> Contents:
        """What one build makes of the same log in an empty warehouse."""
        return self.world.rebuilt().contents()
