"""Reads what the planner needs to know from the ledger, in one transaction."""

import contextlib
import gc
from collections import defaultdict
from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from countinghouse.ledger.rows import tuples
from countinghouse.ledger.tables import (
    claims,
    deliveries,
    holds,
    inputs,
    intents,
    pointers,
    positions,
    publication_sets,
    slices,
    versions,
)
from countinghouse.names import OPEN, Feed
from countinghouse.planning.planner import Input, Partition, Published, Slice, State
from countinghouse.planning.positions import Gap, Positions, gap


def load_state(connection: sa.Connection, *, taken: frozenset[str] = frozenset()) -> State:
    """The current state; partitions claimed by the attempts `taken` count as held."""
    # First: what is completed while the rest is read must not be free and still look stale.
    held = _held(connection, taken)
    gaps = load_gaps(connection)
    with _no_collection():
        return State(
            published=_published(connection),
            slices=_slices(connection, gaps),
            gaps=gaps,
            deliveries=_deliveries(connection),
            folded=_folded(connection),
            lost=_lost(connection),
            held=held,
        )


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """A state has no cycles; looking for some took a fifth of reading one of 60,000 partitions."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _published(connection: sa.Connection) -> dict[str, dict[str, Published]]:
    query = sa.select(
        pointers.c.table_name,
        pointers.c.dt,
        versions.c.version_id,
        versions.c.digest,
        versions.c.rows,
        versions.c.fingerprint,
        versions.c.inputs_digest,
    ).join(versions, versions.c.version_id == pointers.c.version_id)
    query = query.where(versions.c.collected_at.is_(None))
    found: dict[str, dict[str, Published]] = defaultdict(dict)
    for table, dt, *rest in tuples(connection.execute(query)):
        found[table][dt] = Published(*rest)
    return dict(found)


def _lost(connection: sa.Connection) -> frozenset[Partition]:
    query = sa.select(pointers.c.table_name, pointers.c.dt).join(
        versions, versions.c.version_id == pointers.c.version_id
    )
    rows = connection.execute(query.where(versions.c.collected_at.is_not(None)))
    return frozenset((table, dt) for table, dt in tuples(rows))


def load_gaps(connection: sa.Connection) -> dict[str, Gap]:
    """Change logs, by raw table, in which a position is missing."""
    found: dict[str, dict[str, Positions]] = defaultdict(dict)
    for row in connection.execute(sa.select(positions)):
        ranges, missing = (
            tuple((a, b) for a, b in said) for said in (row.ranges, row.known_missing)
        )
        found[row.source][row.delivery_dt] = Positions(ranges, missing, row.first)
    gaps = {source: gap(by_date) for source, by_date in found.items()}
    return {source: found for source, found in gaps.items() if found}


def _slices(
    connection: sa.Connection, gaps: Mapping[str, Gap]
) -> dict[str, dict[str, tuple[Slice, ...]]]:
    query = sa.select(
        slices.c.source, slices.c.business_date, slices.c.delivery_dt, slices.c.digest
    ).order_by(slices.c.delivery_dt)
    found: dict[str, dict[str, tuple[Slice, ...]]] = defaultdict(dict)
    held = {(source, dt) for source, gap in gaps.items() for dt in gap.held}
    for source, day, delivery_dt, digest in tuples(connection.execute(query)):
        if (source, delivery_dt) in held:
            continue
        found[source][day] = (*found[source].get(day, ()), Slice(delivery_dt, digest))
    return dict(found)


def current_deliveries() -> sa.Subquery:
    """The newest version of each delivery that was not refused."""
    newest = (
        sa.select(
            deliveries,
            sa.func.row_number()
            .over(
                partition_by=(deliveries.c.feed, deliveries.c.dt, deliveries.c.seq),
                order_by=deliveries.c.version.desc(),
            )
            .label("age"),
        )
        .where(deliveries.c.status == "accepted")
        .subquery()
    )
    return sa.select(newest).where(newest.c.age == 1).subquery()


def _deliveries(
    connection: sa.Connection,
) -> dict[str, dict[str, tuple[tuple[int, int, str], ...]]]:
    current = current_deliveries()
    query = sa.select(
        current.c.feed, current.c.dt, current.c.seq, current.c.position, current.c.digest
    ).order_by(current.c.seq)
    found: dict[str, dict[str, tuple[tuple[int, int, str], ...]]] = defaultdict(dict)
    for feed, dt, seq, position, digest in tuples(connection.execute(query)):
        table = Feed.parse(feed).raw
        found[table][dt] = (*found[table].get(dt, ()), (seq, position, digest))
    return dict(found)


def _folded(connection: sa.Connection) -> dict[str, tuple[Input, ...]]:
    query = (
        sa.select(
            pointers.c.table_name,
            inputs.c.input_table,
            inputs.c.input_dt,
            inputs.c.role,
            inputs.c.digest,
        )
        .join(inputs, inputs.c.version_id == pointers.c.version_id)
        .where(pointers.c.dt == OPEN, inputs.c.role == "chain")
        .order_by(inputs.c.input_table)
    )
    found: dict[str, tuple[Input, ...]] = defaultdict(tuple)
    for table, *item in tuples(connection.execute(query)):
        found[table] = (*found[table], Input(*item))
    return dict(found)


def _held(connection: sa.Connection, taken: frozenset[str]) -> frozenset[Partition]:
    on_hold = sa.select(holds.c.table_name, holds.c.dt).where(holds.c.released_at.is_(None))
    held = frozenset((table, dt) for table, dt in tuples(connection.execute(on_hold)))
    return held | busy(connection, taken)


def busy(connection: sa.Connection, taken: frozenset[str]) -> frozenset[Partition]:
    """Partitions that the attempts `taken` have claimed, or that are being published."""
    claimed = sa.select(claims.c.table_name, claims.c.dt).where(
        claims.c.state == "open", claims.c.attempt_id.in_(taken)
    )
    # Decided but not yet confirmed: `reconcile` finishes these before anybody builds them again.
    deciding = (
        sa.select(intents.c.table_name, intents.c.dt)
        .join(publication_sets, publication_sets.c.set_id == intents.c.set_id)
        .where(publication_sets.c.state == "intent")
    )
    rows = tuples(connection.execute(sa.union(claimed, deciding)))
    return frozenset((table, dt) for table, dt in rows)
