"""Which published partitions a plan reads, and the dates that each of its models runs for."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from countinghouse.names import OPEN, dates_between, month_of, plus_days
from countinghouse.planning.model_graph import Edge, Graph, Model, Reads, Shape
from countinghouse.planning.planner import (
    Partition,
    Plan,
    State,
    is_withdrawn,
    previous_snapshot,
    reach,
)
from countinghouse.publishing.content_digest import EMPTY


class RunDate(NamedTuple):
    """A date to build; of a snapshot feed with the delivery before it, of a restated report with
    the delivery that states it.
    """

    dt: str
    previous_dt: str | None = None
    restated_by: str | None = None


def run_dates(plan: Plan, state: State, graph: Graph) -> dict[str, tuple[RunDate, ...]]:
    """Per model (`schema.table`): the dates it runs for.

    A planned date that is not among them is built as empty.
    """
    found: dict[str, tuple[RunDate, ...]] = {}
    for name in plan.builds:
        model = graph.by_name[name]
        parents = {edge.reads: edge.parent for edge in model.edges}
        snapshot, report = parents.get(Reads.CHANGES), parents.get(Reads.RESTATED)
        found[name] = tuple(
            RunDate(
                day,
                previous_snapshot(snapshot, day, state) if snapshot else None,
                _stated_by(report, day, state) if report else None,
            )
            for day in _days(model, plan, state, graph)
        )
    return found


def _stated_by(report: str, dt: str, state: State) -> str | None:
    pieces = state.slices.get(report, {}).get(dt, ())
    # Its partition may hold rows of a sequence before the one that withdrew them all.
    return pieces[-1].delivery_dt if pieces and pieces[-1].digest != EMPTY.digest else None


def _days(model: Model, plan: Plan, state: State, graph: Graph) -> tuple[str, ...]:
    if model.shape is Shape.HISTORY:
        return plan.folds[model.name].dates
    dts = plan.builds[model.name]
    return tuple(dt for dt in dts if not is_withdrawn(model, dt, state, graph))


def pins(plan: Plan, state: State, graph: Graph) -> dict[str, dict[str, str]]:
    """Version ids by relation and date for everything the plan reads and does not build.

    A dimension with history reads itself as `<table>__previous`.
    """
    found: dict[str, dict[str, str]] = {}
    for name, dts in plan.builds.items():
        model = graph.by_name[name]
        for edge in model.edges:
            relation = found.setdefault(edge.parent, {})
            for table, dt in _needed(edge, _days(model, plan, state, graph), state):
                version = state.published.get(table, {}).get(dt)
                if version and dt not in plan.builds.get(table, ()):
                    relation[dt] = version.version_id
        if model.shape is Shape.HISTORY:
            found[f"{name}__previous"] = _own_past(name, dts, plan, state)
    return found


def _needed(edge: Edge, dts: tuple[str, ...], state: State) -> Iterator[Partition]:
    parent = edge.parent
    match edge.reads:
        case Reads.SAME:
            yield from ((parent, dt) for dt in dts)
        case Reads.WINDOW:
            days = {d for dt in dts for d in dates_between(plus_days(dt, -edge.days), dt)}
            yield from ((parent, day) for day in days)
        case Reads.WHOLE:
            yield from ((parent, dt) for dt in state.dates(parent))
        case Reads.AS_OF:
            # An interval that holds on a date ends in the month of that date or later.
            since = month_of(min(dts, default=OPEN))
            yield from ((parent, dt) for dt in state.dates(parent) if dt >= since)
        case Reads.SLICES:
            slices = state.slices.get(parent, {})
            holders = {s.delivery_dt for dt in dts for s in slices.get(dt, ())}
            # A cumulative feed is as its newest delivery says.
            newest = state.dates(parent)[-1:]
            yield from ((parent, dt) for h in holders for dt in ([h] if h else newest))
        case Reads.RESTATED:
            slices = state.slices.get(parent, {})
            holders = {s.delivery_dt for dt in dts for s in slices.get(dt, ())[-1:]}
            yield from ((parent, holder) for holder in holders)
        case Reads.MOVING:
            yield from ((parent, day) for dt in dts for day in reach(edge, dt, state))
        case Reads.CHANGES:
            days = set(dts) | {previous_snapshot(parent, dt, state) or "" for dt in dts}
            yield from ((parent, day) for day in days if day)
        case Reads.LATEST:
            yield from ((parent, dt) for dt in state.dates(parent)[-1:])


def _own_past(name: str, dts: tuple[str, ...], plan: Plan, state: State) -> dict[str, str]:
    if plan.folds[name].full:
        return {}
    published: Mapping[str, object] = state.published.get(name, {})
    return {dt: state.published[name][dt].version_id for dt in published if dt in dts or dt == OPEN}
