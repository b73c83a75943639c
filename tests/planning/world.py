"""A warehouse in memory: deliveries, published versions, and the build loop over the planner."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from planning.world_feeds import Delivery, Feed, Row, Rows
from planning.world_models import ORDERS, PRODUCTS, RATES, REGIONS, TOYS, Relation

from countinghouse.names import OPEN, dates_between
from countinghouse.planning import pinning, planner
from countinghouse.planning.model_graph import Graph, Model, Shape
from countinghouse.planning.pinning import RunDate
from countinghouse.planning.planner import Input, Partition, Plan, Published, State
from countinghouse.publishing.content_digest import EMPTY

CONTRACT = "contract"
# Feed, date and sequence.
Key = tuple[str, str, int]


class Project(Protocol):
    """Feeds, and the models over them."""

    feeds: Mapping[str, Feed]

    def graph(self, codes: Mapping[str, int], rebuild_from: Mapping[str, str]) -> Graph:
        """The models, each with the code that `codes` gives it."""

    def landed(self, feed: str, dt: str, sent: Mapping[int, Delivery]) -> tuple[Row, ...]:
        """Rows of a raw partition, from its deliveries by sequence."""

    def content(self, table: str, rows: Rows) -> Rows:
        """The columns that the content digest covers."""

    def compute(
        self, model: Model, branch: Mapping[str, Relation], runs: Sequence[RunDate], code: int
    ) -> Iterator[tuple[str, Row]]:
        """Rows of a model by partition, from what the branch shows."""


@dataclass(frozen=True)
class Version:
    rows: tuple[Row, ...]
    published: Published
    inputs: tuple[Input, ...]
    # Digests by business date, of raw tables whose rows have one.
    slices: Mapping[str, str] = field(default_factory=dict)


@dataclass
class World:
    """The state that tests act on; `log` holds the newest version of each delivery."""

    project: Project = TOYS
    log: dict[Key, Delivery] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    rebuild_from: dict[str, str] = field(default_factory=dict)
    held: set[Partition] = field(default_factory=set)
    versions: dict[str, Version] = field(default_factory=dict)
    pointers: dict[Partition, str] = field(default_factory=dict)
    history: dict[Partition, list[str]] = field(default_factory=dict)

    @property
    def graph(self) -> Graph:
        return self.project.graph(self.codes, self.rebuild_from)

    # --- landing ---

    def deliver(self, feed: str, dt: str, rows: Iterable[Row]) -> None:
        """A delivery, or its correction, is accepted and landed."""
        self.accept(feed, dt, rows)
        self.land()

    def accept(self, feed: str, dt: str, rows: Iterable[Row], seq: int = 0) -> None:
        """A delivery is appended to the log, unless it is what the log has."""
        known, sent = self.log.get((feed, dt, seq)), tuple(rows)
        if known is None or known.rows != sent:
            position = 1 + max((each.position for each in self.log.values()), default=0)
            self.log[feed, dt, seq] = Delivery(sent, position, known.version + 1 if known else 1)

    def land(self) -> None:
        """Publish the raw partitions that differ from the log."""
        state = replace(self.state(), deliveries=self._deliveries())
        for due in planner.stale_raw(dict.fromkeys(self.project.feeds, CONTRACT), state):
            sent = {
                seq: each for (*key, seq), each in self.log.items() if key == [due.table, due.dt]
            }
            rows = self.project.landed(due.table, due.dt, sent)
            inputs = planner.raw_inputs(due.table, due.dt, state)
            self._publish((due.table, due.dt), rows, CONTRACT, inputs)

    def _deliveries(self) -> dict[str, dict[str, tuple[tuple[int, int, str], ...]]]:
        found: dict[str, dict[str, tuple[tuple[int, int, str], ...]]] = {}
        for (feed, dt, seq), delivery in sorted(self.log.items(), key=lambda item: item[0]):
            said = (seq, delivery.position, repr(delivery.rows))
            dates = found.setdefault(feed, {})
            dates[dt] = (*dates.get(dt, ()), said)
        return found

    def _published(self, table: str, dt: str) -> Published:
        return self.versions[self.pointers[table, dt]].published

    def state(self) -> State:
        published: dict[str, dict[str, Published]] = {}
        for (table, dt), version in self.pointers.items():
            published.setdefault(table, {})[dt] = self.versions[version].published
        gaps, slices = {}, {}
        for name, feed in self.project.feeds.items():
            landed = {dt: self.versions[self.pointers[name, dt]] for dt in published.get(name, {})}
            behind = feed.gap({dt: version.rows for dt, version in landed.items()})
            if behind:
                gaps[name] = behind
            slices[name] = feed.current(
                {dt: version.slices for dt, version in landed.items()},
                held=behind.held if behind else (),
            )
        return State(
            published=published,
            slices=slices,
            gaps=gaps,
            folded={
                table: tuple(i for i in self.versions[version].inputs if i.role == "chain")
                for (table, dt), version in self.pointers.items()
                if dt == OPEN
            },
            held=frozenset(self.held),
        )

    # --- building ---

    def plan(
        self,
        selection: Sequence[str] = ("all",),
        first: str = "",
        last: str = OPEN,
        *,
        forced: bool = False,
    ) -> Plan:
        graph = self.graph
        models = graph.select(selection)
        return planner.plan(graph, self.state(), models, first=first, last=last, forced=forced)

    def build(
        self,
        selection: Sequence[str] = ("all",),
        first: str = "",
        last: str = OPEN,
        *,
        forced: bool = False,
        fails: Collection[str] = (),
    ) -> list[Partition]:
        """Plan, compute, publish; return the partitions that have new content.

        The gates of the models `fails` refuse: they and what reads them stay unpublished.
        """
        state, graph = self.state(), self.graph
        plan = self.plan(selection, first, last, forced=forced)
        written = self._compute(plan, state, graph)
        overlay = state.with_built(
            {
                partition: Published("", self._digest(partition[0], rows), len(rows), "", "")
                for partition, rows in written.items()
            }
        )
        failed: set[str] = set(fails)
        changed = []
        for (table, dt), rows in written.items():
            model = graph.by_name[table]
            failed |= {table for edge in model.edges if edge.parent in failed}
            inputs = planner.resolve(model, dt, overlay, graph)
            if table not in failed and self._publish((table, dt), rows, model.fingerprint, inputs):
                changed.append((table, dt))
        return changed

    def _compute(self, plan: Plan, state: State, graph: Graph) -> dict[Partition, tuple[Row, ...]]:
        pins = pinning.pins(plan, state, graph)
        runs = pinning.run_dates(plan, state, graph)
        branch: dict[str, dict[str, Sequence[Row]]] = {
            relation: {dt: self.versions[version].rows for dt, version in versions.items()}
            for relation, versions in pins.items()
        }
        written: dict[Partition, tuple[Row, ...]] = {}

        for table, dts in plan.builds.items():
            model = graph.by_name[table]
            assert not set(pins.get(table, ())) & set(dts), "pinned and built"
            assert not {(table, dt) for dt in dts} & self.held, "held and built"
            rows: dict[str, list[Row]] = {dt: [] for dt in dts}
            code = self.codes.get(table, 0)
            for dt, row in self.project.compute(model, branch, runs[table], code):
                assert dt in rows, f"{table} wrote {dt}, which nobody planned"
                rows[dt].append(row)
            branch.setdefault(table, {}).update(rows)
            for dt, found in rows.items():
                is_month = model.shape is Shape.HISTORY and dt != OPEN
                if found or not is_month or (table, dt) in self.pointers:
                    written[table, dt] = tuple(sorted(found, key=repr))
        return written

    def _publish(
        self, partition: Partition, rows: tuple[Row, ...], fingerprint: str, inputs: Iterable[Input]
    ) -> bool:
        inputs = tuple(inputs)
        table, dt = partition
        now = self.pointers.get(partition)
        digest = self._digest(table, rows)
        is_new = now is None or self.versions[now].published.digest != digest
        version = f"{len(self.versions)}/{table}/{dt}" if is_new or not now else now
        recorded = planner.inputs_digest(inputs)
        feed = self.project.feeds.get(table)
        slices = feed.slices(dt, rows, lambda found: self._digest(table, found)) if feed else {}
        self.versions[version] = Version(
            # Of equal content the version that is there stays.
            rows if is_new else self.versions[version].rows,
            Published(version, digest, len(rows), fingerprint, recorded),
            inputs,
            slices,
        )
        self.pointers[partition] = version
        if is_new:
            self.history.setdefault(partition, []).append(version)
        return is_new

    def _digest(self, table: str, rows: Rows) -> str:
        content = self.project.content(table, rows)
        return repr(sorted(content, key=repr)) if rows else EMPTY.digest

    # --- what people do ---

    def roll_back(self, partition: Partition, version: str = "") -> None:
        """Publish an earlier version again and hold it."""
        earlier = [v for v in self.history[partition] if v != self.pointers[partition]]
        self.pointers[partition] = version or earlier[-1]
        self.held.add(partition)

    def change_code(self, table: str, *, since: str = "") -> None:
        self.codes[table] = self.codes.get(table, 0) + 1
        self.rebuild_from[table] = since

    # --- what tests ask ---

    def stale(self) -> set[Partition]:
        return {(s.table, s.dt) for s in planner.stale(self.graph, self.state())}

    def contents(self) -> dict[Partition, tuple[Row, ...]]:
        """Content by published partition of models; an empty partition is as an absent one."""
        models = self.graph.by_name
        found = {p: self.versions[v].rows for p, v in self.pointers.items() if p[0] in models}
        return {p: tuple(self.project.content(p[0], rows)) for p, rows in found.items() if rows}

    def rebuilt(self) -> "World":
        """A new warehouse from the same deliveries and code, by one build."""
        clean = World(self.project, log=dict(self.log), codes=dict(self.codes))
        clean.land()
        clean.build()
        return clean

    def copy(self) -> "World":
        return replace(
            self,
            log=dict(self.log),
            codes=dict(self.codes),
            held=set(self.held),
            versions=dict(self.versions),
            pointers=dict(self.pointers),
            history={partition: list(v) for partition, v in self.history.items()},
        )


def shop(first: str, last: str) -> World:
    """A built warehouse: orders, a price that changes and a rate every day, regions that stay."""
    world = World()
    for day in dates_between(first, last):
        deliver_day(world, day)
    deliver_rates(world, first, last)
    world.build()
    return world


def deliver_day(world: World, day: str) -> None:
    """What the sources send for one day, but for the rates."""
    world.deliver(ORDERS, day, [(day, "a", 1), (day, "b", 2)])
    world.deliver(PRODUCTS, day, [("a", int(day[8:])), ("b", 7)])
    world.deliver(REGIONS, day, [("a", 1), ("b", 2)])


def deliver_rates(world: World, first: str, day: str) -> None:
    """The cumulative file of `day`, which repeats everything since `first`."""
    world.deliver(RATES, day, [(known, "USD", 1) for known in dates_between(first, day)])
