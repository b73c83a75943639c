"""Which partitions are stale, why, and what to build now: pure functions over ledger rows.

A partition is stale when its recorded inputs or code differ, by digest, from what is current.
`resolve` says what a partition reads; the same function gives the inputs that are recorded after
a build and the inputs that staleness compares with, so the two cannot drift apart.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from countinghouse.model_graph import Edge, Graph, Model, Reads, Shape
from countinghouse.names import OPEN, WHOLE, dates_between, month_of, plus_days

ABSENT = "absent"
Partition = tuple[str, str]


@dataclass(frozen=True, order=True)
class Input:
    """Something a partition read: `role` tells how, `digest` its content or ABSENT."""

    table: str
    dt: str
    role: str
    digest: str


@dataclass(frozen=True)
class Published:
    """The published version of a partition, as the planner compares it."""

    version_id: str
    digest: str
    rows: int
    fingerprint: str
    inputs_digest: str


@dataclass(frozen=True)
class Slice:
    """Rows of one business date inside one published raw partition."""

    delivery_dt: str
    digest: str


@dataclass(frozen=True)
class State:
    """What is current, by table and date: the ledger's rows that planning needs."""

    published: Mapping[str, Mapping[str, Published]] = field(default_factory=dict)
    slices: Mapping[str, Mapping[str, tuple[Slice, ...]]] = field(default_factory=dict)
    # Current deliveries: raw table, delivery date, (sequence, log position, digest)
    deliveries: Mapping[str, Mapping[str, tuple[tuple[int, int, str], ...]]] = field(
        default_factory=dict
    )
    # Inputs recorded for the OPEN partition of each dimension with history.
    folded: Mapping[str, tuple[Input, ...]] = field(default_factory=dict)
    # Nobody may build these now: held after a rollback, or claimed by a living attempt.
    held: frozenset[Partition] = frozenset()

    def dates(self, table: str) -> list[str]:
        """Published partitions of `table`, in order."""
        return sorted(self.published.get(table, {}))

    def digest(self, table: str, dt: str) -> str:
        """Digest of a published partition, or ABSENT."""
        found = self.published.get(table, {}).get(dt)
        return found.digest if found else ABSENT

    def with_built(self, built: Mapping[Partition, Published]) -> "State":
        """This state as if `built` were published: what children of a plan have read."""
        published = {table: dict(partitions) for table, partitions in self.published.items()}
        for (table, dt), version in built.items():
            published.setdefault(table, {})[dt] = version
        return replace(self, published=published)


@dataclass(frozen=True)
class Stale:
    """A partition to rebuild, and each reason."""

    table: str
    dt: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Fold:
    """How a dimension with history is brought up to date: which dates of changes are applied.

    `full` starts from nothing with every date; otherwise the open intervals and the months of
    `dates` as published are the start.
    """

    dates: tuple[str, ...]
    full: bool


@dataclass(frozen=True)
class Plan:
    """What to build, parents first, and which published partitions the builds read."""

    builds: Mapping[str, tuple[str, ...]]
    folds: Mapping[str, Fold] = field(default_factory=dict)
    reasons: Mapping[Partition, tuple[str, ...]] = field(default_factory=dict)

    @property
    def partitions(self) -> list[Partition]:
        """Every partition that the plan writes, in a fixed order."""
        return sorted((table, dt) for table, dts in self.builds.items() for dt in dts)

    def __bool__(self) -> bool:
        return any(self.builds.values())


# --- what a partition reads -------------------------------------------------------------------


def resolve(model: Model, dt: str, state: State, graph: Graph) -> tuple[Input, ...]:
    """Everything that partition `dt` of `model` reads, with digests, absences included."""
    if model.shape is Shape.HISTORY:
        return _chains(model, state)
    found = (item for edge in model.edges for item in _resolve(model, edge, dt, state, graph))
    return tuple(sorted(set(found)))


def _resolve(model: Model, edge: Edge, dt: str, state: State, graph: Graph) -> Iterator[Input]:
    parent = edge.parent
    match edge.reads:
        case Reads.SAME:
            yield Input(parent, dt, "same", state.digest(parent, dt))
        case Reads.WINDOW:
            for day in dates_between(plus_days(dt, -edge.days), dt):
                yield Input(parent, day, "window", state.digest(parent, day))
        case Reads.WHOLE:
            if graph.by_name[parent].shape is Shape.WHOLE:
                yield Input(parent, WHOLE, "whole", state.digest(parent, WHOLE))
            else:
                yield Input(parent, WHOLE, "chain", chain(parent, state))
        case Reads.AS_OF:
            changes = graph.by_name[parent].edges[0].parent
            yield Input(parent, dt, "as_of", chain(changes, state, last=dt))
        case Reads.SLICES:
            for piece in state.slices.get(parent, {}).get(dt, ()):
                yield Input(parent, piece.delivery_dt, "slice", piece.digest)
        case Reads.CHANGES:
            before = previous_snapshot(parent, dt, state)
            yield Input(parent, dt, "current", state.digest(parent, dt))
            yield Input(parent, dt, "previous", state.digest(parent, before) if before else ABSENT)
        case Reads.LATEST:
            dates = state.dates(parent)
            yield Input(
                parent, "latest", "latest", state.digest(parent, dates[-1]) if dates else ABSENT
            )


def _chains(model: Model, state: State) -> tuple[Input, ...]:
    through = max((d for e in model.edges for d in _filled(e.parent, state)), default="")
    return tuple(
        sorted(Input(e.parent, through, "chain", chain(e.parent, state)) for e in model.edges)
    )


def _filled(table: str, state: State) -> list[str]:
    # An empty partition and an absent one tell a fold the same.
    return sorted(dt for dt, found in state.published.get(table, {}).items() if found.rows)


def chain(table: str, state: State, *, last: str = OPEN) -> str:
    """One digest over every partition of `table` that has rows, up to `last`."""
    links = hashlib.sha256()
    for dt in _filled(table, state):
        if dt <= last:
            links.update(f"{dt} {state.digest(table, dt)}\n".encode())
    return links.hexdigest()


def previous_snapshot(source: str, dt: str, state: State) -> str | None:
    """The newest delivery of a snapshot feed before `dt`."""
    return max((d for d in state.published.get(source, {}) if d < dt), default=None)


def inputs_digest(inputs: Iterable[Input]) -> str:
    """One digest over recorded inputs; slices are known by content, not by which delivery."""
    lines = sorted(f"{i.table} {i.dt} {i.role} {i.digest}" for i in inputs)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


# --- which partitions a model should have ------------------------------------------------------


def wanted(model: Model, state: State, graph: Graph) -> set[str]:
    """Partitions that `model` should have now; those it had before and lost stay wanted."""
    had = set(state.published.get(model.name, {}))
    if model.shape is Shape.HISTORY:
        return {OPEN} if had or any(_filled(e.parent, state) for e in model.edges) else set()
    if model.shape is Shape.WHOLE:
        return {WHOLE} if had or any(state.published.get(e.parent) for e in model.edges) else set()
    days = had | {day for edge in model.edges for day in _days(edge, state)}
    return _within_horizon(model, days, had, state, graph)


def _days(edge: Edge, state: State) -> Iterator[str]:
    match edge.reads:
        case Reads.SAME:
            yield from state.published.get(edge.parent, {})
        case Reads.WINDOW:
            for day in _filled(edge.parent, state):
                yield from (plus_days(day, n) for n in range(edge.days + 1))
        case Reads.SLICES:
            yield from state.slices.get(edge.parent, {})
        case Reads.CHANGES:
            before = ABSENT
            for day in state.dates(edge.parent):
                now = state.digest(edge.parent, day)
                if now != before:
                    yield day
                before = now


def _within_horizon(
    model: Model, days: set[str], had: set[str], state: State, graph: Graph
) -> set[str]:
    if all(edge.reads is not Reads.WINDOW for edge in model.edges):
        return days
    last = watermark(model, state, graph)
    return {day for day in days if day <= last} | had


def watermark(model: Model, state: State, graph: Graph) -> str:
    """The newest date that the feeds above `model` have told about: delivered or contained."""
    newest = ""
    for edge in model.edges:
        parent = graph.by_name.get(edge.parent)
        if parent is None:
            newest = max(newest, *state.published.get(edge.parent, {}), "")
        elif parent.shape is Shape.DAILY:
            newest = max(newest, watermark(parent, state, graph), *_filled(edge.parent, state))
    return newest


# --- staleness ---------------------------------------------------------------------------------


def why_stale(model: Model, dt: str, state: State, graph: Graph) -> tuple[str, ...]:
    """Reasons to rebuild a partition; empty when it is current."""
    now = state.published.get(model.name, {}).get(dt)
    if now is None:
        return ("never built",)
    reasons = []
    if now.fingerprint != model.fingerprint and dt >= model.rebuild_from:
        reasons.append("code changed")
    if now.inputs_digest != inputs_digest(resolve(model, dt, state, graph)):
        reasons.append("inputs changed")
    return tuple(reasons)


def stale(graph: Graph, state: State, models: Iterable[Model] | None = None) -> list[Stale]:
    """Partitions whose own inputs or code changed; what follows from them is not listed."""
    found = []
    for model in graph.models if models is None else models:
        for dt in sorted(wanted(model, state, graph)):
            reasons = why_stale(model, dt, state, graph)
            if reasons and (model.name, dt) not in state.held:
                found.append(Stale(model.name, dt, reasons))
    return found


def stale_raw(fingerprints: Mapping[str, str], state: State) -> list[Stale]:
    """Raw partitions (by table and contract fingerprint) that differ from the delivery log."""
    found = []
    for table, fingerprint in sorted(fingerprints.items()):
        for dt in sorted(state.deliveries.get(table, {})):
            now = state.published.get(table, {}).get(dt)
            reasons = []
            if now is None:
                reasons.append("never landed")
            else:
                if now.fingerprint != fingerprint:
                    reasons.append("contract changed")
                if now.inputs_digest != inputs_digest(raw_inputs(table, dt, state)):
                    reasons.append("deliveries changed")
            if reasons and (table, dt) not in state.held:
                found.append(Stale(table, dt, tuple(reasons)))
    return found


def raw_inputs(table: str, dt: str, state: State) -> tuple[Input, ...]:
    """The deliveries that a raw partition is made of."""
    current = state.deliveries.get(table, {}).get(dt, ())
    return tuple(Input(table, dt, f"delivery {seq}", digest) for seq, _, digest in current)


# --- plans -------------------------------------------------------------------------------------


def plan(
    graph: Graph,
    state: State,
    models: Collection[Model],
    *,
    first: str = "",
    last: str = OPEN,
    forced: bool = False,
) -> Plan:
    """What to build of `models`, parents first: stale partitions and what follows from them.

    `first` and `last` bound the dates of daily models; `forced` takes every date between them.
    Children of what is built are built in the same pass; equal content publishes nothing.
    """
    builds: dict[str, tuple[str, ...]] = {}
    folds: dict[str, Fold] = {}
    reasons: dict[Partition, tuple[str, ...]] = {}
    for model in models:
        due = {s.dt: s.reasons for s in stale(graph, state, [model])}
        for dt in _following(model, builds, state, graph):
            due.setdefault(dt, ("a parent is rebuilt",))
        if forced:
            for dt in wanted(model, state, graph):
                due.setdefault(dt, ("asked for",))
        if model.shape is Shape.DAILY:
            due = {dt: why for dt, why in due.items() if first <= dt <= last}
        due = {dt: why for dt, why in due.items() if (model.name, dt) not in state.held}
        if not due or _waits(model, builds, state, graph):
            continue
        if model.shape is Shape.HISTORY:
            folds[model.name] = fold(model, builds, state, forced=forced)
            due = {dt: due[OPEN] for dt in written_months(model, folds[model.name], state)}
        builds[model.name] = tuple(sorted(due))
        reasons |= {(model.name, dt): why for dt, why in due.items()}
    return Plan(builds, folds, reasons)


def _following(
    model: Model, builds: Mapping[str, tuple[str, ...]], state: State, graph: Graph
) -> set[str]:
    """Partitions of `model` that read something which the plan builds."""
    days: set[str] = set()
    for edge in model.edges:
        built = builds.get(edge.parent, ())
        if not built:
            continue
        if model.shape is Shape.HISTORY:
            days.add(OPEN)
        elif model.shape is Shape.WHOLE:
            days.add(WHOLE)
        elif edge.reads is Reads.SAME:
            days |= set(built)
        elif edge.reads is Reads.WINDOW:
            reach = max(watermark(model, state, graph), *built)
            spread = {plus_days(day, n) for day in built for n in range(edge.days + 1)}
            days |= {day for day in spread if day <= reach}
        elif edge.reads is Reads.WHOLE:
            days |= wanted(model, state, graph)
        elif edge.reads is Reads.AS_OF:
            changed = builds.get(graph.by_name[edge.parent].edges[0].parent, ())
            days |= {d for d in wanted(model, state, graph) if changed and d >= min(changed)}
    return days


def _waits(model: Model, builds: Mapping[str, tuple[str, ...]], state: State, graph: Graph) -> bool:
    """A fact must not be built against a dimension that has not caught up with its changes."""
    for edge in model.edges:
        if edge.reads is Reads.AS_OF and edge.parent not in builds:
            dimension = graph.by_name[edge.parent]
            exists = wanted(dimension, state, graph)
            if exists and why_stale(dimension, OPEN, state, graph):
                return True
    return False


def fold(
    model: Model, builds: Mapping[str, tuple[str, ...]], state: State, *, forced: bool = False
) -> Fold:
    """Which dates of changes a dimension with history has yet to apply.

    From the published state on, if nothing that it has applied changed since; else from nothing.
    """
    coming = {day for e in model.edges for day in builds.get(e.parent, ())}
    known = {day for e in model.edges for day in _filled(e.parent, state)}
    now = state.published.get(model.name, {}).get(OPEN)
    through = _applied_through(model, state)
    if forced or now is None or through is None or now.fingerprint != model.fingerprint:
        return Fold(tuple(sorted(known | coming)), full=True)
    if any(day <= through for day in coming):
        return Fold(tuple(sorted(known | coming)), full=True)
    return Fold(tuple(sorted(d for d in known | coming if d > through)), full=False)


def _applied_through(model: Model, state: State) -> str | None:
    """The last date folded in, if every chain up to it is as it was; None otherwise."""
    recorded = state.folded.get(model.name, ())
    if {i.table for i in recorded} != {e.parent for e in model.edges}:
        return None
    for item in recorded:
        if chain(item.table, state, last=item.dt) != item.digest:
            return None
    return recorded[0].dt


def written_months(model: Model, todo: Fold, state: State) -> set[str]:
    """Partitions a fold writes: the open one and each month in which an interval may end."""
    months = {month_of(day) for day in todo.dates} | {OPEN}
    return months | set(state.published.get(model.name, {})) if todo.full else months
