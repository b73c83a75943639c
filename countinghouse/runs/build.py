"""Builds what is stale: plan, branch, dbt, gates and publication of models."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import sqlalchemy as sa

from countinghouse import names
from countinghouse.contracts import load_contracts
from countinghouse.dbt import dbt_build
from countinghouse.dbt.dbt_build import NodeResult
from countinghouse.dbt.dbt_graph import load_checks, load_graph
from countinghouse.failpoints import reach
from countinghouse.gates.verdicts import judge, unbuilt
from countinghouse.landing.columns import raw_columns
from countinghouse.ledger import open_ledger, published
from countinghouse.ledger.state import load_state
from countinghouse.planning import pinning, planner
from countinghouse.planning.model_graph import Column, Edge, Graph, Model, Reads, Shape
from countinghouse.planning.planner import Partition, Plan, State
from countinghouse.planning.staleness import selected, with_checked
from countinghouse.publishing import branch, publication, reconcile
from countinghouse.publishing.metastore import TableSpec
from countinghouse.publishing.publication import Batch, Work
from countinghouse.publishing.version import Version, attempt_root
from countinghouse.runs.describe import described
from countinghouse.runs.report import Blocked, RunReport
from countinghouse.runs.warned import alert_warnings
from countinghouse.settings import Settings

log = logging.getLogger(__name__)
Events = Callable[[Sequence[Version]], list[dict[str, Any]]]


@dataclass(frozen=True)
class Span:
    """Dates to build, first and last; `forced` takes also those that are not stale."""

    first: str
    last: str
    forced: bool = False


@dataclass
class Request:
    """What to build, and what of it has been found to be bad in this run."""

    settings: Settings
    ledger: sa.Engine
    graph: Graph
    # Per model what its tests alone read.
    checks: Mapping[str, Collection[str]]
    models: Collection[Model]
    run_id: str
    scope: str
    events: Events = lambda _: []
    bad: set[Partition] = field(default_factory=set)


def build(
    settings: Settings,
    selection: Sequence[str],
    first: str | None = None,
    last: str | None = None,
    *,
    run_id: str,
    force: bool = False,
    events: Events = lambda _: [],
) -> RunReport:
    """Build and publish every stale partition of the selection, dates between the two.

    With it go the models that its tests read. A failing gate keeps its partition as it was, and
    what depends on it; the rest goes on.
    """
    span = Span(
        "" if first is None else names.date(first),
        names.OPEN if last is None else names.date(last),
        force,
    )
    names.selection(selection)
    graph, checks = load_graph(settings), load_checks(settings)
    models = with_checked(graph, selected(graph, selection), checks)
    reconcile.finish_crashes(settings)
    request = Request(
        settings,
        open_ledger(settings),
        graph,
        checks,
        models,
        run_id,
        ",".join(selection),
        events=events,
    )
    report = RunReport(run_id)
    spans = [span]
    while spans:
        one_pass = partial(_one_pass, request, spans[0], report)
        spans = [*reconcile.surviving(settings, one_pass), *spans[1:]]
    if not (report.published or report.confirmed or report.blocked):
        report.superseded_by = published.last_run(request.ledger, [m.name for m in models])
    return report


def _one_pass(request: Request, span: Span, report: RunReport) -> list[Span]:
    """Plan and build once; return the date ranges that are worth another pass."""
    planned: list[tuple[Plan, State]] = []

    def choose(connection: sa.Connection, living: frozenset[str]) -> list[Partition]:
        state = load_state(connection, taken=living)
        state = replace(state, held=state.held | request.bad)
        plan = planner.plan(
            request.graph,
            state,
            request.models,
            first=span.first,
            last=span.last,
            forced=span.forced,
        )
        planned[:] = [(plan, state)]
        return plan.partitions

    with request.ledger.connect() as connection:
        if not choose(connection, frozenset()):
            return []
    with publication.claim(
        request.settings,
        request.ledger,
        kind="build",
        scope=request.scope,
        run_id=request.run_id,
        choose=choose,
    ) as work:
        plan, state = planned[0]
        return _build(request, work, plan, state, report, span.forced) if plan else []


def _build(
    request: Request, work: Work, plan: Plan, state: State, report: RunReport, forced: bool
) -> list[Span]:
    schema = f"branch_{work.attempt.attempt_id}"
    try:
        results = _write(request, work, schema, plan, state)
        if not all(result.ok for result in results):
            publication.raise_if_gone(work.ledger, work.attempt, work.session)
        batch = _batch(request, work, schema, plan, state, results)
    finally:
        _drop(work, schema)
    publication.manifest(work, batch.versions)
    verdicts, blocked = judge(batch, results, request.graph)
    blocked += unbuilt(results, plan)
    passed = publication.audit(work, batch, verdicts)
    changed = publication.publish(work, batch, passed)
    alert_warnings(request.settings, verdicts, changed)
    new = {(v.table, v.dt) for v in changed}
    report.published += sorted(new)
    report.confirmed += [(v.table, v.dt) for v in passed if (v.table, v.dt) not in new]
    report.rows += sum(v.rows for v in changed)
    report.touched = sorted({*report.touched, *_touched(request.graph, changed)})
    return _next_spans(request, plan, blocked, report, forced)


def _write(request: Request, work: Work, schema: str, plan: Plan, state: State) -> list[NodeResult]:
    graph, settings = request.graph, request.settings
    pinned = pinning.pins(plan, state, with_checks(graph, request.checks))
    paths = published.version_paths(
        request.ledger, [v for dts in pinned.values() for v in dts.values()]
    )
    root = attempt_root(settings.warehouse, work.attempt.attempt_id)
    places = {
        relation: {dt: settings.warehouse / paths[v] for dt, v in dts.items()}
        for relation, dts in pinned.items()
    }
    branch.create(
        work.session,
        schema=schema,
        attempt_root=root,
        run_dates=pinning.run_dates(plan, state, graph),
        pins=places,
        columns=_columns(settings, graph, pinned.keys() - plan.builds.keys()),
    )
    reach("mid_write")
    return dbt_build.run_models(
        settings,
        branch=schema,
        attempt_root=root,
        session_id=work.attempt.session_id,
        select=sorted(plan.builds),
        pins=places,
    )


def _columns(
    settings: Settings, graph: Graph, relations: Iterable[str]
) -> dict[str, Sequence[Column]]:
    raw = {c.feed.raw: raw_columns(c) for c in load_contracts(settings.project).values()}
    found: dict[str, Sequence[Column]] = {}
    for relation in relations:
        name = relation.removesuffix("__previous")
        found[relation] = raw[name] if name in raw else graph.by_name[name].columns
    return found


def with_checks(graph: Graph, checks: Mapping[str, Collection[str]]) -> Graph:
    """The graph as the branch needs it: a model's tests read relations, too."""

    def extended(model: Model) -> Model:
        known = {edge.parent for edge in model.edges}
        more = [
            Edge(parent, _check_reads(graph.by_name[parent], model))
            for parent in checks.get(model.name, ())
            if parent not in known and parent in graph.by_name
        ]
        return replace(model, edges=(*model.edges, *more))

    return Graph(tuple(extended(model) for model in graph.models))


def _check_reads(parent: Model, model: Model) -> Reads:
    if parent.shape is Shape.HISTORY:
        return Reads.AS_OF if model.shape is Shape.DAILY else Reads.WHOLE
    if parent.shape is Shape.DAILY and model.shape is Shape.DAILY:
        return Reads.SAME
    return Reads.WHOLE


def _batch(
    request: Request,
    work: Work,
    schema: str,
    plan: Plan,
    state: State,
    results: Iterable[NodeResult],
) -> Batch:
    built = [request.graph.by_name[r.name] for r in results if r.kind == "model" and r.ok]
    order = [m.name for m in request.graph.models]
    built.sort(key=lambda m: order.index(m.name))
    versions = described(work, schema, built, plan, state, request.graph)
    return Batch(
        versions=versions,
        tables={
            m.name: TableSpec(m.name, m.columns, m.comment, m.shape is not Shape.WHOLE)
            for m in built
        },
        events=request.events,
    )


def _next_spans(
    request: Request, plan: Plan, blocked: Sequence[Blocked], report: RunReport, forced: bool
) -> list[Span]:
    """After a failure: the same dates without what failed, halved where no date is known.

    What was forced and has no date yet stays forced: else nobody would build it, or say so.
    """
    if not blocked:
        return []
    days = sorted(
        {dt for name, dts in plan.builds.items() for dt in dts if _is_daily(request, name)}
    )
    for item in blocked:
        if item.rule != "builds":
            request.bad.add((item.table, item.dt))
            report.blocked.append(item)
    if all(item.rule != "builds" for item in blocked):
        return [Span(days[0], days[-1])] if days else []
    if len(days) > 1:
        middle = len(days) // 2
        return [
            Span(days[0], days[middle - 1], forced),
            Span(days[middle], days[-1], forced),
        ]
    for item in blocked:
        if item.rule == "builds":
            request.bad |= {(item.table, dt) for dt in plan.builds[item.table]}
            report.blocked.append(item)
    return [Span(days[0], days[-1])] if days else []


def _is_daily(request: Request, name: str) -> bool:
    return request.graph.by_name[name].shape is Shape.DAILY


def _touched(graph: Graph, changed: Iterable[Version]) -> Iterator[str]:
    for version in changed:
        if graph.by_name[version.table].shape is Shape.DAILY:
            yield version.dt


def _drop(work: Work, schema: str) -> None:
    try:
        branch.drop(work.session, schema)
    except Exception as problem:
        # Its tables are pointers only; gc collects orphaned branches.
        log.warning("branch %s stays for gc: %s", schema, problem)
