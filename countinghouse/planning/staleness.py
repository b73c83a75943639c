"""Answers `countinghouse stale --why`: what is not current, and which input says so."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from countinghouse import names
from countinghouse.contracts import Contract, load_contracts
from countinghouse.dbt.dbt_graph import load_graph
from countinghouse.deliveries import arrivals
from countinghouse.errors import CountinghouseError
from countinghouse.ledger import open_ledger
from countinghouse.ledger.state import load_state
from countinghouse.ledger.tables import inputs
from countinghouse.planning import planner
from countinghouse.planning.model_graph import Graph, Model
from countinghouse.planning.planner import Input, Stale, State
from countinghouse.settings import Settings


@dataclass(frozen=True)
class Difference:
    """An input that is not as it was read: a digest is None where there was or is none.

    `role` is how it was read (see planner.resolve), or `code`.
    """

    table: str
    dt: str
    role: str
    before: str | None
    now: str | None

    @property
    def what(self) -> str:
        """`appeared`, `vanished` or `changed`."""
        if self.before in (None, planner.ABSENT):
            return "appeared"
        return "vanished" if self.now in (None, planner.ABSENT) else "changed"


@dataclass(frozen=True)
class StalePartition:
    """A partition to build, the reasons, and the differences behind them."""

    table: str
    dt: str
    reasons: tuple[str, ...]
    why: tuple[Difference, ...] = ()


def stale(settings: Settings, selection: Sequence[str] = ("all",)) -> list[StalePartition]:
    """Stale partitions of the selected models and of everything above them, feeds first.

    Only what is stale by itself: what follows from it is known when it has been built. Held
    partitions are not stale.
    """
    names.selection(selection)
    graph = load_graph(settings)
    models = with_ancestors(graph, selected(graph, selection))
    sources = {edge.parent for model in models for edge in model.edges}
    feeds = {
        contract.feed.raw: contract
        for contract in load_contracts(settings.project).values()
        if contract.feed.raw in sources or "all" in selection
    }
    ledger = open_ledger(settings)
    with ledger.connect() as connection:
        state = load_state(connection)
        prints = {table: contract.fingerprint for table, contract in feeds.items()}
        found = planner.stale_raw(prints, state)
        derived = planner.stale(graph, state, models)
        recorded = _recorded(connection, state, [*found, *derived])
    return [
        *_waiting(settings, ledger, feeds.values()),
        *(_explained_raw(one, prints, state, recorded) for one in found),
        *(_explained(one, graph, state, recorded) for one in derived),
    ]


def selected(graph: Graph, selection: Sequence[str]) -> tuple[Model, ...]:
    """Models by table, folder or layer; raises with the word that names nothing."""
    try:
        return graph.select(selection)
    except KeyError as unknown:
        raise CountinghouseError(
            f"{unknown} names no model, folder or layer",
            remedy="name a table such as marts.dim_products, a layer, a domain, or all",
        ) from None


def with_ancestors(graph: Graph, models: Iterable[Model]) -> tuple[Model, ...]:
    """The models and every model that they are made of, parents first."""
    wanted = {model.name for model in models}
    for model in reversed(graph.models):
        if model.name in wanted:
            wanted |= {edge.parent for edge in model.edges}
    return tuple(model for model in graph.models if model.name in wanted)


def with_checked(
    graph: Graph, models: Iterable[Model], checks: Mapping[str, Collection[str]]
) -> tuple[Model, ...]:
    """The models and those that only their tests read (`load_checks`), parents first.

    Built without them, a test would compare what is new with what is stale or absent.
    """
    wanted = {name for m in models for name in (m.name, *checks.get(m.name, ()))}
    return tuple(model for model in graph.models if model.name in wanted)


def _waiting(
    settings: Settings, ledger: sa.Engine, feeds: Iterable[Contract]
) -> list[StalePartition]:
    return [
        StalePartition(contract.feed.raw, arrival.dt, (f"waits in {arrival.folder}",))
        for contract in feeds
        for arrival in arrivals.waiting(settings, ledger, contract)
    ]


def _recorded(
    connection: sa.Connection, state: State, found: Iterable[Stale]
) -> dict[str, tuple[Input, ...]]:
    """Inputs as they were read, by version, of the published versions of stale partitions."""
    published = (state.published.get(one.table, {}).get(one.dt) for one in found)
    rows = connection.execute(
        sa.select(inputs).where(inputs.c.version_id.in_([p.version_id for p in published if p]))
    )
    recorded: dict[str, tuple[Input, ...]] = {}
    for row in rows:
        item = Input(row.input_table, row.input_dt, row.role, row.digest)
        recorded[row.version_id] = (*recorded.get(row.version_id, ()), item)
    return recorded


def _explained(
    one: Stale, graph: Graph, state: State, recorded: Mapping[str, tuple[Input, ...]]
) -> StalePartition:
    now = state.published.get(one.table, {}).get(one.dt)
    if now is None:
        return StalePartition(one.table, one.dt, one.reasons)
    model = graph.by_name[one.table]
    current = planner.resolve(model, one.dt, state, graph)
    code = _code(one, now.fingerprint, model.fingerprint)
    why = (*code, *_differences(recorded.get(now.version_id, ()), current))
    return StalePartition(one.table, one.dt, one.reasons, why)


def _explained_raw(
    one: Stale,
    fingerprints: Mapping[str, str],
    state: State,
    recorded: Mapping[str, tuple[Input, ...]],
) -> StalePartition:
    now = state.published.get(one.table, {}).get(one.dt)
    current = planner.raw_inputs(one.table, one.dt, state)
    if now is None:
        return StalePartition(one.table, one.dt, one.reasons, _differences((), current))
    code = _code(one, now.fingerprint, fingerprints[one.table])
    why = (*code, *_differences(recorded.get(now.version_id, ()), current))
    return StalePartition(one.table, one.dt, one.reasons, why)


def _code(one: Stale, before: str, now: str) -> tuple[Difference, ...]:
    return (Difference(one.table, one.dt, "code", before, now),) if before != now else ()


def _differences(before: Iterable[Input], now: Iterable[Input]) -> tuple[Difference, ...]:
    was = {(i.table, i.dt, i.role): i.digest for i in before}
    is_now = {(i.table, i.dt, i.role): i.digest for i in now}
    return tuple(
        Difference(*key, was.get(key), is_now.get(key))
        for key in sorted({*was, *is_now})
        if was.get(key) != is_now.get(key)
    )
