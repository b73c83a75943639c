"""What a backfill would do, by date and by table, and about how long that takes."""

import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from countinghouse import deliveries
from countinghouse.backfills.request import (
    INGEST,
    REBUILD,
    BackfillRefused,
    Fate,
    Request,
    Standing,
    fate,
)
from countinghouse.contracts import Contract
from countinghouse.dbt.dbt_graph import load_checks, load_graph
from countinghouse.ledger import open_ledger
from countinghouse.ledger.rows import tuples
from countinghouse.ledger.state import load_state
from countinghouse.ledger.tables import attempts, publication_sets, publications
from countinghouse.planning import planner
from countinghouse.planning.model_graph import Graph, Shape
from countinghouse.planning.planner import State
from countinghouse.planning.staleness import selected, with_checked
from countinghouse.runs.ingest import contracts_of
from countinghouse.settings import Settings

_RUNS_LOOKED_AT = 50


@dataclass(frozen=True)
class PlannedDate:
    """One date: what Airflow makes of it; for feeds how many are delivered, and landed already."""

    dt: str
    fate: Fate
    delivered: int = 0
    landed: int = 0
    feeds: int = 0


@dataclass(frozen=True)
class PlannedTable:
    """Partitions of one table that the runs would write."""

    table: str
    partitions: int
    first: str
    last: str


@dataclass(frozen=True)
class BackfillPlan:
    """A request with its consequences; `seconds` is an estimate, None without any history."""

    request: Request
    dates: Sequence[PlannedDate]
    tables: Sequence[PlannedTable]
    seconds: float | None

    @property
    def runs(self) -> list[str]:
        """The dates that Airflow would run."""
        return [one.dt for one in self.dates if one.fate is Fate.RUNS]

    @property
    def partitions(self) -> int:
        """How many partitions the runs would write."""
        return sum(table.partitions for table in self.tables)


def plan(settings: Settings, request: Request, standing: Mapping[str, Standing]) -> BackfillPlan:
    """Plan from the ledger, the landing folder and the newest runs of the dates.

    Raises BackfillRefused when there is nothing to land or to build in the whole range.
    """
    fates = {dt: fate(standing.get(dt), request.reprocess) for dt in request.dates}
    runs = [dt for dt, one in fates.items() if one is Fate.RUNS]
    with open_ledger(settings).connect() as connection:
        state = load_state(connection)
        if request.dag_id.startswith(INGEST):
            system = request.dag_id.removeprefix(INGEST)
            dates, tables = _ingest(settings, system, state, fates)
            scopes = [system, f"staging.{system}"]
        else:
            domain = request.dag_id.removeprefix(REBUILD)
            dates = [PlannedDate(dt, one) for dt, one in fates.items()]
            _refuse_if_empty(request, _rebuilt(settings, domain, state, request.dates))
            tables = _rebuilt(settings, domain, state, runs)
            scopes = [domain]
        each = seconds_per_partition(connection, scopes)
    planned = sum(table.partitions for table in tables)
    return BackfillPlan(request, dates, tables, None if each is None else each * planned)


def _ingest(
    settings: Settings, system: str, state: State, fates: Mapping[str, Fate]
) -> tuple[list[PlannedDate], list[PlannedTable]]:
    contracts = contracts_of(settings, [system])
    come = {c.feed.raw: _delivered(settings, c, state) & fates.keys() for c in contracts}
    # What lies in databases is extracted by the run of its day.
    if not any(come.values()) and not any(contract.extract for contract in contracts):
        first, last = min(fates), max(fates)
        raise BackfillRefused(
            f"nobody has delivered anything of {system} from {first} to {last}",
            remedy=f"put deliveries into {settings.landing_root / system}",
        )
    landed = {table: set(state.published.get(table, {})) for table in come}
    dates = [
        PlannedDate(
            dt,
            one,
            delivered=sum(dt in days for days in come.values()),
            landed=sum(dt in days for days in landed.values()),
            feeds=len(contracts),
        )
        for dt, one in fates.items()
    ]
    runs = {dt for dt, one in fates.items() if one is Fate.RUNS}
    to_land = {table: sorted(days & runs - landed[table]) for table, days in come.items()}
    written = {planner.quarantine_of(table): days for table, days in to_land.items()} | to_land
    fresh = sorted({dt for days in to_land.values() for dt in days})
    staging = selected(load_graph(settings), [f"staging.{system}"])
    written |= {model.name: fresh for model in staging if model.shape is Shape.DAILY}
    return dates, _tables(written)


def _delivered(settings: Settings, contract: Contract, state: State) -> set[str]:
    """Dates of a feed that are in the delivery log or lie complete in the landing folder."""
    waiting = {arrival.dt for arrival in deliveries.discover(settings, contract)}
    return waiting | set(state.deliveries.get(contract.feed.raw, {}))


def _rebuilt(
    settings: Settings, domain: str, state: State, dates: Sequence[str]
) -> list[PlannedTable]:
    """Partitions of daily tables of the domain that have these dates, stale or not."""
    graph = load_graph(settings)
    models = with_checked(graph, selected(graph, [domain]), load_checks(settings))
    if not dates:
        return []
    found = planner.plan(graph, state, models, first=dates[0], last=dates[-1], forced=True)
    return _tables(_daily(graph, found.builds, set(dates)))


def _daily(
    graph: Graph, builds: Mapping[str, Iterable[str]], dates: Collection[str]
) -> dict[str, list[str]]:
    return {
        table: [dt for dt in dts if dt in dates]
        for table, dts in builds.items()
        if graph.by_name[table].shape is Shape.DAILY
    }


def _refuse_if_empty(request: Request, tables: Sequence[PlannedTable]) -> None:
    if not tables:
        domain = request.dag_id.removeprefix(REBUILD)
        raise BackfillRefused(
            f"{domain} has no partition from {request.first} to {request.last}",
            remedy="countinghouse status shows what has been delivered, and for which dates",
        )


def _tables(written: Mapping[str, Sequence[str]]) -> list[PlannedTable]:
    return [
        PlannedTable(table, len(dts), min(dts), max(dts)) for table, dts in written.items() if dts
    ]


def seconds_per_partition(connection: sa.Connection, scopes: Sequence[str]) -> float | None:
    """Median over the last attempts of these scopes that published something."""
    counts = (
        sa.select(publication_sets.c.attempt_id, sa.func.count().label("partitions"))
        .join(publications, publications.c.set_id == publication_sets.c.set_id)
        .group_by(publication_sets.c.attempt_id)
        .subquery()
    )
    seconds = sa.extract("epoch", attempts.c.ended_at - attempts.c.started_at)
    query = (
        sa.select(seconds / counts.c.partitions)
        .join(counts, counts.c.attempt_id == attempts.c.attempt_id)
        .where(attempts.c.state == "done", attempts.c.scope.in_(scopes))
        .order_by(attempts.c.started_at.desc())
        .limit(_RUNS_LOOKED_AT)
    )
    found = [float(each) for (each,) in tuples(connection.execute(query))]
    return statistics.median(found) if found else None
