"""What the ledger says is published: tables, partitions and their directories."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from countinghouse.ledger.partitions import among
from countinghouse.ledger.tables import (
    attempts,
    pointers,
    publication_sets,
    publications,
    versions,
)
from countinghouse.planning.planner import Partition
from countinghouse.publishing.metastore import TableSpec


@dataclass(frozen=True)
class Location:
    """Directory of a published version; `collected` says that it is known to be gone."""

    version_id: str
    path: str
    files: int
    bytes: int
    collected: bool


@contextmanager
def connected(ledger: sa.Engine | sa.Connection) -> Iterator[sa.Connection]:
    """A connection of its own, or the caller's with what its transaction sees."""
    if isinstance(ledger, sa.Connection):
        yield ledger
        return
    with ledger.connect() as connection:
        yield connection


def locations(
    ledger: sa.Engine | sa.Connection,
    partitions: Collection[Partition] | None = None,
    *,
    table: str | None = None,
) -> dict[str, dict[str, Location]]:
    """Published partitions, by table and date; paths are relative to the warehouse.

    All of them, or these, or those of one table.
    """
    query = sa.select(
        pointers.c.table_name,
        pointers.c.dt,
        versions.c.version_id,
        versions.c.location,
        versions.c.files,
        versions.c.bytes,
        versions.c.collected_at.is_not(None).label("collected"),
    ).join(versions, versions.c.version_id == pointers.c.version_id)
    if partitions is not None:
        query = query.where(among(pointers, partitions))
    if table is not None:
        query = query.where(pointers.c.table_name == table)
    found: dict[str, dict[str, Location]] = defaultdict(dict)
    with connected(ledger) as connection:
        for row in connection.execute(query):
            found[row.table_name][row.dt] = Location(
                row.version_id, row.location, row.files, row.bytes, row.collected
            )
    return dict(found)


def version_paths(ledger: sa.Engine, version_ids: list[str]) -> dict[str, str]:
    """Directory of each version, relative to the warehouse."""
    query = sa.select(versions.c.version_id, versions.c.location).where(
        versions.c.version_id.in_(version_ids)
    )
    with ledger.connect() as connection:
        return {row.version_id: row.location for row in connection.execute(query)}


def table_specs(
    ledger: sa.Engine | sa.Connection, tables: Collection[str] | None = None
) -> dict[str, TableSpec]:
    """Published tables, or these of them, as the newest publication of each describes it."""
    found = {}
    with connected(ledger) as connection:
        if tables is None:
            tables = connection.execute(sa.select(pointers.c.table_name).distinct()).scalars().all()
        for name in sorted(tables):
            newest = (
                sa.select(publication_sets.c.tables)
                .join(publications, publications.c.set_id == publication_sets.c.set_id)
                .where(publications.c.table_name == name)
                .order_by(publications.c.publication_id.desc())
                .limit(1)
            )
            if content := connection.execute(newest).scalar():
                found[name] = TableSpec.from_json(name, content[name])
    return found


def mark_lost(ledger: sa.Engine, version_id: str) -> None:
    """The version's files are gone: its partition is stale until it is built again."""
    with ledger.begin() as connection:
        connection.execute(
            versions.update()
            .where(versions.c.version_id == version_id)
            .values(collected_at=sa.func.clock_timestamp())
        )


def mark_found(ledger: sa.Engine, version_id: str) -> None:
    """The files of a lost version are there again: its partition is published as before."""
    with ledger.begin() as connection:
        connection.execute(
            versions.update().where(versions.c.version_id == version_id).values(collected_at=None)
        )


def last_run(ledger: sa.Engine, tables: Iterable[str]) -> str | None:
    """The run that published any of these tables last."""
    query = (
        sa.select(attempts.c.run_id)
        .join(publication_sets, publication_sets.c.attempt_id == attempts.c.attempt_id)
        .join(publications, publications.c.set_id == publication_sets.c.set_id)
        .where(publications.c.table_name.in_(sorted(tables)))
        .order_by(publications.c.publication_id.desc())
        .limit(1)
    )
    with ledger.connect() as connection:
        return connection.execute(query).scalar_one_or_none()
