"""Answers `countinghouse lineage`: what a partition was made of, and what was made of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from countinghouse import names
from countinghouse.dbt.dbt_graph import load_graph
from countinghouse.errors import CountinghouseError
from countinghouse.ledger import open_ledger
from countinghouse.ledger.state import load_state
from countinghouse.ledger.tables import deliveries, inputs, pointers
from countinghouse.names import Feed
from countinghouse.planning import planner
from countinghouse.planning.model_graph import Graph
from countinghouse.planning.planner import Input, Partition, State
from countinghouse.settings import Settings

Recorded = Mapping[Partition, tuple[Input, ...]]


@dataclass(frozen=True, order=True)
class Link:
    """One partition read another; `depth` counts from the partition that was asked about."""

    depth: int
    table: str
    dt: str
    role: str
    read_by: Partition


@dataclass(frozen=True)
class DeliveredFile:
    """A file at the root of a lineage, with its place in the delivery log."""

    feed: str
    dt: str
    seq: int
    version: int
    position: int
    name: str
    sha256: str


@dataclass(frozen=True)
class Lineage:
    """Everything above a partition down to delivered files, and everything below it."""

    upstream: tuple[Link, ...]
    files: tuple[DeliveredFile, ...]
    downstream: tuple[Link, ...]


def lineage(settings: Settings, table: str, dt: str) -> Lineage:
    """Lineage of the published version of a partition, as recorded when it was built."""
    partition = (names.table(table), names.partition(dt))
    graph = load_graph(settings)
    with open_ledger(settings).connect() as connection:
        state = load_state(connection)
        recorded = _recorded(connection)
        if partition[1] not in state.published.get(table, {}):
            raise CountinghouseError(
                f"{table} {dt} is not published", remedy=f"countinghouse stale {table} --why"
            )
        parents = {
            child: {p: i.role for i in items for p in partitions_read(i, state, graph)}
            for child, items in recorded.items()
        }
        upstream = _walk(partition, parents)
        raw = [p for p in [partition, *((u.table, u.dt) for u in upstream)] if p in recorded]
        files = _files(connection, raw, recorded)
    children: dict[Partition, dict[Partition, str]] = {}
    for child, read in parents.items():
        for parent, role in read.items():
            children.setdefault(parent, {})[child] = role
    return Lineage(upstream, files, _walk(partition, children))


def partitions_read(item: Input, state: State, graph: Graph) -> Iterator[Partition]:
    """Published partitions behind a recorded input, the inverse of `planner.resolve`."""
    dates = state.dates(item.table)
    found: Sequence[str]
    match item.role:
        case "same" | "window" | "current" | "whole":
            found = [item.dt]
        case "slice":
            # A cumulative feed is as its newest delivery says.
            found = [item.dt] if item.dt else dates[-1:]
        case "previous":
            found = [planner.previous_snapshot(item.table, item.dt, state) or ""]
        case "latest":
            found = dates[-1:]
        case "chain":
            found = [day for day in dates if item.dt == names.WHOLE or day <= item.dt]
        case "as_of":
            found = [day for day in dates if day >= names.month_of(item.dt)]
        case _:
            found = []
    yield from ((item.table, day) for day in found if day in dates)


def _recorded(connection: sa.Connection) -> Recorded:
    query = sa.select(pointers.c.table_name, pointers.c.dt, inputs).join(
        inputs, inputs.c.version_id == pointers.c.version_id
    )
    found: dict[Partition, tuple[Input, ...]] = {}
    for row in connection.execute(query):
        item = Input(row.input_table, row.input_dt, row.role, row.digest)
        partition = (row.table_name, row.dt)
        found[partition] = (*found.get(partition, ()), item)
    return found


def _walk(start: Partition, edges: Mapping[Partition, Mapping[Partition, str]]) -> tuple[Link, ...]:
    """Breadth first from `start`; each partition once, where it is nearest."""
    seen, ring, found = {start}, [start], []
    depth = 0
    while ring:
        depth += 1
        following = []
        for reader in ring:
            for partition, role in sorted(edges.get(reader, {}).items()):
                if partition not in seen:
                    seen.add(partition)
                    following.append(partition)
                    found.append(Link(depth, *partition, role, reader))
        ring = following
    return tuple(sorted(found))


def _files(
    connection: sa.Connection, raw: list[Partition], recorded: Recorded
) -> tuple[DeliveredFile, ...]:
    """Files of the deliveries that raw partitions were landed from, by log position."""
    wanted = {
        (table, i.dt, i.digest)
        for table, dt in raw
        for i in recorded[table, dt]
        if i.role.startswith("delivery ")
    }
    days = {dt for _, dt, _ in wanted}
    rows = connection.execute(
        sa.select(deliveries).where(deliveries.c.dt.in_(days)).order_by(deliveries.c.position)
    )
    return tuple(
        DeliveredFile(
            row.feed, row.dt, row.seq, row.version, row.position, file["name"], file["sha256"]
        )
        for row in rows
        if (Feed.parse(row.feed).raw, row.dt, row.digest) in wanted
        for file in row.files
    )
