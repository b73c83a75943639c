"""Answers the page "freshness and staleness": how new each table is, and what it waits for."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from countinghouse import names
from countinghouse.contracts import Contract, load_contracts
from countinghouse.dbt import dbt_manifest
from countinghouse.dbt.dbt_graph import load_graph
from countinghouse.ledger import open_ledger
from countinghouse.ledger.rows import tuples
from countinghouse.ledger.tables import holds, pointers, publications
from countinghouse.planning import staleness
from countinghouse.planning.model_graph import Graph
from countinghouse.questions.delivery_calendar import DAYS, logged_of, overdue
from countinghouse.settings import Settings

LAYERS = ("marts", "intermediate", "staging", "raw")
LATE, STALE, HELD, EMPTY, CURRENT = "late", "stale", "held", "never published", "current"


@dataclass(frozen=True)
class StaleDays:
    """Stale partitions of one table for one reason.

    `since` is when `maintenance` first saw one of them, None if it has not yet.
    """

    reason: str
    first: str
    last: str
    partitions: int
    since: datetime | None


@dataclass(frozen=True)
class Held:
    """A partition that was rolled back and stays so until somebody releases it."""

    dt: str
    reason: str
    owner: str
    since: datetime


@dataclass(frozen=True)
class Overdue:
    """Days of a feed whose deadline has passed without an accepted delivery.

    Only the last `DAYS` days are looked at, of systems that have ever delivered anything.
    """

    feed: names.Feed
    first: str
    last: str
    days: int


@dataclass(frozen=True)
class Freshness:
    """One table: its newest partition (`all` or `9999-12-31` where it has no days), and why not."""

    table: str
    newest: str
    published_at: datetime | None
    partitions: int
    stale: tuple[StaleDays, ...]
    held: tuple[Held, ...]
    overdue: tuple[Overdue, ...]

    @property
    def layer(self) -> str:
        """Its schema."""
        return self.table.partition(".")[0]

    @property
    def states(self) -> tuple[str, ...]:
        """What a person should know about it, the most urgent first."""
        found = {
            LATE: bool(self.overdue),
            STALE: bool(self.stale),
            HELD: bool(self.held),
            EMPTY: not self.partitions,
        }
        return tuple(state for state, applies in found.items() if applies) or (CURRENT,)


@dataclass(frozen=True)
class Report:
    """All tables, by layer; `complete` is false where dbt has yet to read the models as they are.

    Then nothing is said about what is stale, nor about tables that were never published.
    """

    tables: tuple[Freshness, ...]
    complete: bool

    @property
    def by_layer(self) -> dict[str, list[Freshness]]:
        """The tables of each layer, what people read first; without those in `waiting`."""
        found: dict[str, list[Freshness]] = {}
        for table in self.tables:
            if table.states != (EMPTY,):
                found.setdefault(table.layer, []).append(table)
        return found

    @property
    def waiting(self) -> list[Freshness]:
        """Tables that nothing has been published of, and nothing is wrong with."""
        return [table for table in self.tables if table.states == (EMPTY,)]

    @property
    def stale(self) -> int:
        """How many partitions are stale."""
        return sum(days.partitions for table in self.tables for days in table.stale)


def freshness(settings: Settings, *, now: datetime) -> Report:
    """Every declared table; `now` judges deadlines. Reads what `countinghouse stale` reads."""
    contracts = {c.feed.raw: c for c in load_contracts(settings.project).values()}
    complete = dbt_manifest.is_parsed(settings)
    graph = load_graph(settings) if complete else Graph(())
    stale = _stale(settings) if complete else {}
    with open_ledger(settings).connect() as connection:
        published = _published(connection)
        held = _held(connection)
        late = _overdue(connection, contracts, now)
    above = _feeds_above(graph)
    declared = {*contracts, *(model.name for model in graph.models)}
    # Quarantine follows its raw table.
    known = {table for table in published if not table.startswith("quarantine.")}
    tables = [
        Freshness(
            table,
            *published.get(table, ("", None, 0)),
            stale.get(table, ()),
            held.get(table, ()),
            tuple(late[feed] for feed in sorted(above.get(table, {table})) if feed in late),
        )
        for table in sorted(declared | known, key=_rank)
    ]
    return Report(tuple(tables), complete)


def _rank(table: str) -> tuple[int, str]:
    layer = table.partition(".")[0]
    return LAYERS.index(layer) if layer in LAYERS else len(LAYERS), table


def _stale(settings: Settings) -> dict[str, tuple[StaleDays, ...]]:
    known = _known_since(settings)
    days: dict[tuple[str, str], list[str]] = {}
    for one in staleness.stale(settings):
        days.setdefault((one.table, ", ".join(one.reasons)), []).append(one.dt)
    found: dict[str, tuple[StaleDays, ...]] = {}
    for (table, reason), dts in days.items():
        since = min((at for dt in dts if (at := known.get(f"{table} {dt}"))), default=None)
        group = StaleDays(reason, min(dts), max(dts), len(dts), since)
        found[table] = (*found.get(table, ()), group)
    return found


def _known_since(settings: Settings) -> dict[str, datetime]:
    """What `maintenance` remembers from round to round, by `table dt`."""
    memory = settings.run / "stale.json"
    noted = json.loads(memory.read_text()) if memory.exists() else {}
    return {key: datetime.fromisoformat(at) for key, at in noted.get("since", {}).items()}


def _published(connection: sa.Connection) -> dict[str, tuple[str, datetime | None, int]]:
    """Newest partition, when it was published, and how many partitions, by table."""
    newest = (
        sa.select(
            pointers.c.table_name,
            sa.func.max(pointers.c.dt).label("dt"),
            sa.func.count().label("partitions"),
        )
        .group_by(pointers.c.table_name)
        .subquery()
    )
    of_newest = (
        publications.c.table_name == newest.c.table_name,
        publications.c.dt == newest.c.dt,
    )
    at = sa.select(sa.func.max(publications.c.published_at)).where(*of_newest).scalar_subquery()
    query = sa.select(newest.c.table_name, newest.c.dt, at, newest.c.partitions)
    return {table: (dt, when, n) for table, dt, when, n in tuples(connection.execute(query))}


def _held(connection: sa.Connection) -> dict[str, tuple[Held, ...]]:
    query = sa.select(
        holds.c.table_name, holds.c.dt, holds.c.reason, holds.c.owner, holds.c.created_at
    )
    query = query.where(holds.c.released_at.is_(None)).order_by(holds.c.table_name, holds.c.dt)
    found: dict[str, tuple[Held, ...]] = {}
    for table, *held in tuples(connection.execute(query)):
        found[table] = (*found.get(table, ()), Held(*held))
    return found


def _overdue(
    connection: sa.Connection, contracts: Mapping[str, Contract], now: datetime
) -> dict[str, Overdue]:
    """Feeds with missing or refused days among the last ones, by raw table."""
    today = now.astimezone(UTC).date()
    dates = names.dates_between(
        (today - timedelta(days=DAYS)).isoformat(), (today - timedelta(days=1)).isoformat()
    )
    logged = logged_of(connection, contracts.values(), dates[0], dates[-1])
    found = {}
    for table, contract in contracts.items():
        of_feed = logged[str(contract.feed)]
        missing = overdue(contract, of_feed, dates, now) if of_feed.since else []
        if missing:
            found[table] = Overdue(contract.feed, missing[0], missing[-1], len(missing))
    return found


def _feeds_above(graph: Graph) -> dict[str, Collection[str]]:
    """The raw tables that each model is made of."""
    found: dict[str, Collection[str]] = {}
    for model in graph.models:
        parents = [found.get(edge.parent, (edge.parent,)) for edge in model.edges]
        found[model.name] = frozenset(table for tables in parents for table in tables)
    return found
