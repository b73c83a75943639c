"""Which partitions are stale, why, and what to build now: pure functions over ledger rows.

A partition is stale when its recorded inputs or code differ, by digest, from what is current.
`resolve` says what a partition reads; the same function gives the inputs that are recorded after
a build and the inputs that staleness compares with, so the two cannot drift apart.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from countinghouse.names import OPEN, WHOLE, dates_between, month_of, plus_days
from countinghouse.planning.model_graph import Edge, Graph, Model, Reads, Shape
from countinghouse.planning.positions import Gap

ABSENT = "absent"
Partition = tuple[str, str]


@dataclass(frozen=True, order=True)
class Input:
    """Something a partition read: `role` tells how, `digest` its content or ABSENT."""

    table: str
    dt: str
    role: str
    digest: str


class Published(NamedTuple):
    """The published version of a partition, as the planner compares it."""

    version_id: str
    digest: str
    rows: int
    fingerprint: str
    inputs_digest: str


class Slice(NamedTuple):
    """Rows of one business date inside one published raw partition."""

    delivery_dt: str
    digest: str


@dataclass(frozen=True)
class Chain:
    """The partitions of a table that have rows, in order; `digests[n]` covers the first n."""

    dates: Sequence[str]
    digests: Sequence[str]

    def upto(self, last: str) -> int:
        """How many of them are not after `last`."""
        return bisect_right(self.dates, last)


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
    # Change logs in which a position is missing: what is behind it counts as not delivered.
    gaps: Mapping[str, Gap] = field(default_factory=dict)
    # Published, but their data is gone: to be built again, and until then nothing to be read.
    lost: frozenset[Partition] = frozenset()
    # Nobody may build these now: held after a rollback, or claimed by a living attempt.
    held: frozenset[Partition] = frozenset()

    def dates(self, table: str) -> Sequence[str]:
        """Published partitions of `table`, in order."""
        return self._ordered.get(table, ())

    def lost_dates(self, table: str) -> set[str]:
        """Partitions of `table` whose data is gone."""
        return self._lost_dates.get(table, set())

    @cached_property
    def _lost_dates(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = {}
        for table, dt in self.lost:
            found.setdefault(table, set()).add(dt)
        return found

    @cached_property
    def _ordered(self) -> Mapping[str, Sequence[str]]:
        return {table: sorted(partitions) for table, partitions in self.published.items()}

    @cached_property
    def newest(self) -> Mapping[str, str]:
        """The newest date that a feed's deliveries have or contain, by raw table."""
        tables = {*self.published, *self.slices}
        return {
            table: max((*self.published.get(table, {}), *self.slices.get(table, {})), default="")
            for table in tables
        }

    def chain(self, table: str) -> Chain:
        """Every partition of `table` that has rows; made once, however many dates ask."""
        if table not in self._chains:
            self._chains[table] = self._chain(table)
        return self._chains[table]

    @cached_property
    def _chains(self) -> dict[str, Chain]:
        return {}

    def _chain(self, table: str) -> Chain:
        # An empty partition and an absent one tell a fold the same.
        dates = [dt for dt in self.dates(table) if self.published[table][dt].rows]
        links = hashlib.sha256()
        digests = [links.hexdigest()]
        for dt in dates:
            links.update(f"{dt} {self.digest(table, dt)}\n".encode())
            digests.append(links.hexdigest())
        return Chain(dates, digests)

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
        return _folded_through(model, _end(dt), state, graph)
    if is_withdrawn(model, dt, state, graph):
        return ()
    found = (item for edge in model.edges for item in _resolve(edge, dt, state, graph))
    return tuple(sorted(set(found)))


def _resolve(edge: Edge, dt: str, state: State, graph: Graph) -> Iterator[Input]:
    parent = edge.parent
    match edge.reads:
        case Reads.SAME:
            yield Input(parent, dt, "same", state.digest(parent, dt))
        case Reads.WINDOW:
            for day in dates_between(plus_days(dt, -edge.days), dt):
                yield Input(parent, day, "window", state.digest(parent, day))
        case Reads.WHOLE:
            if parent in graph.by_name and graph.by_name[parent].shape is Shape.WHOLE:
                yield Input(parent, WHOLE, "whole", state.digest(parent, WHOLE))
            else:
                yield Input(parent, WHOLE, "chain", chain(parent, state))
        case Reads.AS_OF:
            dimension = graph.by_name[parent]
            yield Input(parent, dt, "as_of", chain(dimension.edges[0].parent, state, last=dt))
            yield Input(parent, OPEN, "code", dimension.fingerprint)
            for above in _undated(dimension):
                yield from _resolve(above, dt, state, graph)
        case Reads.SLICES:
            for piece in state.slices.get(parent, {}).get(dt, ()):
                yield Input(parent, piece.delivery_dt, "slice", piece.digest)
        case Reads.RESTATED:
            for piece in state.slices.get(parent, {}).get(dt, ())[-1:]:
                yield Input(parent, piece.delivery_dt, "restated", piece.digest)
        case Reads.MOVING:
            for day in reach(edge, dt, state):
                yield Input(parent, day, "moving", state.digest(parent, day))
        case Reads.CHANGES:
            before = previous_snapshot(parent, dt, state)
            yield Input(parent, dt, "current", state.digest(parent, dt))
            yield Input(parent, dt, "previous", state.digest(parent, before) if before else ABSENT)
        case Reads.LATEST:
            dates = state.dates(parent)
            yield Input(
                parent, "latest", "latest", state.digest(parent, dates[-1]) if dates else ABSENT
            )


def _folded_through(model: Model, last: str, state: State, graph: Graph) -> tuple[Input, ...]:
    """What a dimension with history reads: its changes up to `last`, other parents as they are.

    A month of closed intervals follows from the changes up to its end.
    """
    changes = {parent: state.chain(parent) for parent in _dated(model)}
    applied = {parent: found.upto(last) for parent, found in changes.items()}
    through = max((changes[parent].dates[n - 1] for parent, n in applied.items() if n), default="")
    found = {Input(p, through, "chain", changes[p].digests[n]) for p, n in applied.items()}
    for edge in _undated(model):
        found |= set(_resolve(edge, last, state, graph))
    return tuple(sorted(found))


def _dated(dimension: Model) -> list[str]:
    """The parents whose partitions a dimension with history applies in order."""
    return [edge.parent for edge in dimension.edges if edge.reads is Reads.SAME]


def _undated(dimension: Model) -> list[Edge]:
    return [edge for edge in dimension.edges if edge.reads is not Reads.SAME]


def _end(month: str) -> str:
    # Dates are compared as text: no month has a day after its 31st.
    return OPEN if month == OPEN else f"{month[:8]}31"


def chain(table: str, state: State, *, last: str = OPEN) -> str:
    """One digest over every partition of `table` that has rows, up to `last`."""
    found = state.chain(table)
    return found.digests[found.upto(last)]


def previous_snapshot(source: str, dt: str, state: State) -> str | None:
    """The newest delivery of a snapshot feed before `dt`."""
    dates = state.dates(source)
    before = bisect_left(dates, dt)
    return dates[before - 1] if before else None


def reach(edge: Edge, dt: str, state: State) -> list[str]:
    """Delivery dates in which a key of business date `dt` may stand, on that date or another.

    A row comes at the earliest the day before its date, where a day begins earlier than in UTC.
    """
    dates = state.dates(edge.parent)
    first, last = plus_days(dt, -1), plus_days(dt, edge.days)
    return list(dates[bisect_left(dates, first) : bisect_right(dates, last)])


def inputs_digest(inputs: Iterable[Input]) -> str:
    """One digest over recorded inputs; a restatement is known by content, not by its delivery."""
    lines = sorted(
        f"{i.table} {'' if i.role == 'restated' else i.dt} {i.role} {i.digest}" for i in inputs
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


# --- which partitions a model should have ------------------------------------------------------


def wanted(model: Model, state: State, graph: Graph) -> set[str]:
    """Partitions that `model` should have now; those it had before and lost stay wanted."""
    had = set(state.published.get(model.name, {})) | state.lost_dates(model.name)
    if model.shape is Shape.HISTORY:
        return had | {OPEN} if had or any(state.chain(p).dates for p in _dated(model)) else set()
    if model.shape is Shape.WHOLE:
        return {WHOLE} if had or any(state.published.get(e.parent) for e in model.edges) else set()
    days = had | {day for edge in model.edges for day in _days(edge, state)}
    return _within_horizon(model, days, had, state, graph)


def _days(edge: Edge, state: State) -> Iterator[str]:
    match edge.reads:
        case Reads.SAME:
            yield from state.published.get(edge.parent, {})
        case Reads.WINDOW:
            for day in state.chain(edge.parent).dates:
                yield from (plus_days(day, n) for n in range(edge.days + 1))
        case Reads.SLICES | Reads.RESTATED | Reads.MOVING:
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
    if not _has_window(model):
        return days
    last = watermark(model, state, graph)
    return {day for day in days if day <= last} | had


def _has_window(model: Model) -> bool:
    return any(edge.reads is Reads.WINDOW for edge in model.edges)


def is_withdrawn(model: Model, dt: str, state: State, graph: Graph) -> bool:
    """Whether `dt` lies beyond all that the feeds tell about, now that a correction took it back.

    Such a partition of a model with a window reads nothing and becomes empty.
    """
    return _has_window(model) and dt > watermark(model, state, graph)


def watermark(model: Model, state: State, graph: Graph) -> str:
    """The newest date that the feeds above `model` have told about: delivered or contained."""
    newest = ""
    for edge in model.edges:
        parent = graph.by_name.get(edge.parent)
        if parent is None:
            newest = max(newest, state.newest.get(edge.parent, ""))
        elif parent.shape is Shape.DAILY:
            newest = max(newest, watermark(parent, state, graph))
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


def stale_raw(
    fingerprints: Mapping[str, str], state: State, again: Collection[Partition] = ()
) -> list[Stale]:
    """Raw partitions (by table and contract fingerprint) that differ from the delivery log.

    Those of `again` that were delivered are among them, whether they differ or not.
    """
    found = []
    for table, fingerprint in sorted(fingerprints.items()):
        for dt in sorted(state.deliveries.get(table, {})):
            now = state.published.get(table, {}).get(dt)
            reasons = []
            if (table, dt) in state.lost or (quarantine_of(table), dt) in state.lost:
                reasons.append("lost")
            elif now is None:
                reasons.append("never landed")
            else:
                if now.fingerprint != fingerprint:
                    reasons.append("contract changed")
                if now.inputs_digest != inputs_digest(raw_inputs(table, dt, state)):
                    reasons.append("deliveries changed")
                if not reasons and (table, dt) in again:
                    reasons.append("asked for")
            if reasons and (table, dt) not in state.held:
                found.append(Stale(table, dt, tuple(reasons)))
    return found


def quarantine_of(raw: str) -> str:
    """The table of the rows that a raw table could not take."""
    return "quarantine." + raw.partition(".")[2]


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
        due = {
            dt: why
            for dt, why in due.items()
            if (model.name, dt) not in state.held and not _lacks(model, dt, builds, state)
        }
        if not due or _waits(model, builds, state, graph):
            continue
        if model.shape is Shape.HISTORY:
            todo = fold(model, builds, state, graph, forced=forced)
            every = tuple(sorted({reason for why in due.values() for reason in why}))
            due = {dt: due.get(dt, every) for dt in written_months(model, todo, state)}
            if any((model.name, dt) in state.held for dt in due):
                continue
            folds[model.name] = todo
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
            reach = watermark(model, state, graph)
            spread = {plus_days(day, n) for day in built for n in range(edge.days + 1)}
            days |= {day for day in spread if day <= reach}
        elif edge.reads is Reads.WHOLE:
            days |= wanted(model, state, graph)
        elif edge.reads is Reads.AS_OF:
            since = _restated_since(graph.by_name[edge.parent], builds)
            days |= {day for day in wanted(model, state, graph) if day >= since}
    return days


def _restated_since(dimension: Model, builds: Mapping[str, tuple[str, ...]]) -> str:
    """The first date on which a dimension with history may say something else."""
    if any(builds.get(edge.parent) for edge in _undated(dimension)):
        return ""
    # Not OPEN, which a partition may be called: after every date.
    return min(builds.get(dimension.edges[0].parent, ()), default="~")


def _lacks(model: Model, dt: str, builds: Mapping[str, tuple[str, ...]], state: State) -> bool:
    """Whether `dt` would be built from data that is gone, as if it had never been there."""
    if not state.lost:
        return False
    for edge in model.edges:
        gone = state.lost_dates(edge.parent) - set(builds.get(edge.parent, ()))
        if not gone:
            continue
        if model.shape is not Shape.DAILY:
            return True
        match edge.reads:
            case Reads.SAME:
                read = {dt}
            case Reads.WINDOW:
                read = set(dates_between(plus_days(dt, -edge.days), dt))
            case Reads.SLICES:
                read = {s.delivery_dt for s in state.slices.get(edge.parent, {}).get(dt, ())}
                # A cumulative feed does not say which delivery holds a date.
                read = gone if "" in read else read
            case Reads.RESTATED:
                read = {s.delivery_dt for s in state.slices.get(edge.parent, {}).get(dt, ())[-1:]}
            case Reads.MOVING:
                read = set(reach(edge, dt, state))
            case _:
                read = gone
        if read & gone:
            return True
    return False


def _waits(model: Model, builds: Mapping[str, tuple[str, ...]], state: State, graph: Graph) -> bool:
    """A fact must not be built against a dimension that has not caught up with its changes."""
    for edge in model.edges:
        if edge.reads is Reads.AS_OF and edge.parent not in builds:
            dimension = graph.by_name[edge.parent]
            if any(builds.get(above.parent) for above in dimension.edges):
                return True
            # Also while it is held: then it is stale without being listed.
            months = wanted(dimension, state, graph)
            if any(why_stale(dimension, dt, state, graph) for dt in months):
                return True
    return False


def fold(
    model: Model,
    builds: Mapping[str, tuple[str, ...]],
    state: State,
    graph: Graph,
    *,
    forced: bool = False,
) -> Fold:
    """Which dates of changes a dimension with history has yet to apply.

    From the published state on, if nothing that it has applied changed since; else from nothing.
    """
    coming = {day for parent in _dated(model) for day in builds.get(parent, ())}
    days = coming | {day for parent in _dated(model) for day in state.chain(parent).dates}
    through = _applied_through(model, state, graph)
    restated = any(builds.get(edge.parent) for edge in _undated(model))
    if forced or restated or through is None or any(day <= through for day in coming):
        return Fold(tuple(sorted(days)), full=True)
    return Fold(tuple(sorted(day for day in days if day > through)), full=False)


def _applied_through(model: Model, state: State, graph: Graph) -> str | None:
    """The last date folded in; None if what is published is not the fold up to it, in all parts.

    It is not after a change of code or of an applied date, nor after a rollback of one part.
    """
    recorded, had = state.folded.get(model.name), state.published.get(model.name, {})
    if not recorded or OPEN not in had or state.lost_dates(model.name):
        return None
    through = recorded[0].dt
    for dt, version in had.items():
        inputs = _folded_through(model, min(through, _end(dt)), state, graph)
        if (version.fingerprint, version.inputs_digest) != (
            model.fingerprint,
            inputs_digest(inputs),
        ):
            return None
    return through


def written_months(model: Model, todo: Fold, state: State) -> set[str]:
    """Partitions a fold writes: the open one and each month in which an interval may end."""
    months = {month_of(day) for day in todo.dates} | {OPEN}
    return months | set(state.published.get(model.name, {})) if todo.full else months
