"""A warehouse in memory: deliveries, published versions, and the build loop over the planner."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from world_models import (
    COMPUTE,
    CUSTOMERS,
    NAMES,
    ORDERS,
    PRODUCTS,
    RATES,
    REGIONS,
    REPORTS,
    RESTATES_DAYS,
    SHIPMENTS,
    Relation,
    Row,
    shop_graph,
)

from countinghouse.names import OPEN, dates_between, plus_days
from countinghouse.planning import pinning, planner
from countinghouse.planning.model_graph import Graph, Shape
from countinghouse.planning.planner import Input, Partition, Plan, Published, Slice, State
from countinghouse.planning.positions import Positions, gap

DATED = (ORDERS, RATES, REPORTS, SHIPMENTS, CUSTOMERS)
CONTRACT = "contract"


@dataclass(frozen=True)
class Version:
    rows: tuple[Row, ...]
    published: Published
    inputs: tuple[Input, ...]
    # Digests by business date, of raw tables whose rows start with one.
    slices: Mapping[str, str] = field(default_factory=dict)


@dataclass
class World:
    """The state that tests act on; `log` holds the newest delivery of each feed and date."""

    log: dict[Partition, tuple[Row, ...]] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    rebuild_from: dict[str, str] = field(default_factory=dict)
    held: set[Partition] = field(default_factory=set)
    versions: dict[str, Version] = field(default_factory=dict)
    pointers: dict[Partition, str] = field(default_factory=dict)
    history: dict[Partition, list[str]] = field(default_factory=dict)

    @property
    def graph(self) -> Graph:
        return shop_graph(self.codes, self.rebuild_from)

    # --- landing ---

    def deliver(self, feed: str, dt: str, rows: Iterable[Row]) -> None:
        """A delivery, or its correction, is accepted and landed."""
        self.log[feed, dt] = tuple(sorted(rows))
        state = State(
            published={
                feed: {dt: self._published(feed, dt)} if (feed, dt) in self.pointers else {}
            },
            deliveries={feed: {dt: ((1, 1, _digest(self.log[feed, dt])),)}},
        )
        for due in planner.stale_raw({feed: CONTRACT}, state):
            inputs = planner.raw_inputs(due.table, due.dt, state)
            self._publish((feed, dt), self.log[feed, dt], CONTRACT, inputs)

    def _published(self, table: str, dt: str) -> Published:
        return self.versions[self.pointers[table, dt]].published

    def state(self) -> State:
        published: dict[str, dict[str, Published]] = {}
        for (table, dt), version in self.pointers.items():
            published.setdefault(table, {})[dt] = self.versions[version].published
        behind = gap({dt: self._positions(dt) for dt in published.get(CUSTOMERS, {})})
        held = behind.held if behind else ()
        slices = {
            feed: self._slices({dt: dt for dt in sorted(published.get(feed, {}))}, feed)
            for feed in (ORDERS, REPORTS, SHIPMENTS)
        }
        # A cumulative feed is as its newest delivery says.
        slices[RATES] = self._slices({dt: "" for dt in published.get(RATES, {})}, RATES)
        known = {dt: dt for dt in sorted(published.get(CUSTOMERS, {})) if dt not in held}
        slices[CUSTOMERS] = self._slices(known, CUSTOMERS)
        return State(
            published=published,
            slices=slices,
            gaps={CUSTOMERS: behind} if behind else {},
            folded={
                table: tuple(i for i in self.versions[version].inputs if i.role == "chain")
                for (table, dt), version in self.pointers.items()
                if dt == OPEN
            },
            held=frozenset(self.held),
        )

    def _slices(self, known_as: Mapping[str, str], feed: str) -> dict[str, tuple[Slice, ...]]:
        newest = {name: dt for dt, name in sorted(known_as.items())}
        found: dict[str, tuple[Slice, ...]] = {}
        for name, dt in newest.items():
            for day, digest in self.versions[self.pointers[feed, dt]].slices.items():
                found[day] = (*found.get(day, ()), Slice(name, digest))
        return found

    def _positions(self, dt: str) -> Positions:
        rows = self.versions[self.pointers[CUSTOMERS, dt]].rows
        return Positions(tuple((position, position) for _, position, _ in rows))

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
                partition: Published("", _digest(rows), len(rows), "", "")
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

        def read(relation: str) -> Relation:
            return branch[relation]

        for table, dts in plan.builds.items():
            model = graph.by_name[table]
            assert not set(pins.get(table, ())) & set(dts), "pinned and built"
            assert not {(table, dt) for dt in dts} & self.held, "held and built"
            rows: dict[str, list[Row]] = {dt: [] for dt in dts}
            for dt, row in COMPUTE[table](read, runs[table], self.codes.get(table, 0)):
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
        now = self.pointers.get(partition)
        digest = _digest(rows)
        is_new = now is None or self.versions[now].published.digest != digest
        version = f"{len(self.versions)}/{'/'.join(partition)}" if is_new or not now else now
        recorded = planner.inputs_digest(inputs)
        self.versions[version] = Version(
            rows,
            Published(version, digest, len(rows), fingerprint, recorded),
            inputs,
            _slices_of(partition, rows) if partition[0] in DATED else {},
        )
        self.pointers[partition] = version
        if is_new:
            self.history.setdefault(partition, []).append(version)
        return is_new

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
        """Rows by published partition of models; an empty partition is as an absent one."""
        found = {p: self.versions[v].rows for p, v in self.pointers.items() if p[0] in NAMES}
        return {partition: rows for partition, rows in sorted(found.items()) if rows}

    def rebuilt(self) -> "World":
        """A new warehouse from the same deliveries and code, by one build."""
        clean = World(codes=dict(self.codes))
        for (feed, dt), rows in sorted(self.log.items()):
            clean.deliver(feed, dt, rows)
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


def _slices_of(partition: Partition, rows: Iterable[Row]) -> dict[str, str]:
    feed, dt = partition
    of_day: dict[str, list[Row]] = {}
    if feed == REPORTS:
        of_day = {day: [] for day in dates_between(plus_days(dt, -RESTATES_DAYS), dt)}
    for row in rows:
        of_day.setdefault(row[0], []).append(row)
    return {day: _digest(found) for day, found in of_day.items()}


def _digest(rows: Sequence[Row]) -> str:
    return repr(sorted(rows, key=repr))


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
