"""Answers `countinghouse history` and `diff`: how a partition came to be what it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pyspark.sql import DataFrame, SparkSession

from countinghouse import engine_session, names
from countinghouse.errors import CountinghouseError
from countinghouse.ledger import open_ledger, published
from countinghouse.ledger.tables import (
    attempts,
    holds,
    pointers,
    publication_sets,
    publications,
    versions,
)
from countinghouse.publishing.metastore import TableSpec
from countinghouse.settings import Settings

# Differ between two landings of the same bytes; not part of a row's content.
_RUN_COLUMNS = {"_delivery", "_delivery_version", "_source_file", "_row_number"}


@dataclass(frozen=True)
class Publication:
    """A version that was published; `state` is published, held, kept, collected or lost."""

    table: str
    dt: str
    at: datetime
    epoch: int
    version_id: str
    kind: str
    run_id: str
    rows: int
    money: Mapping[str, int]
    digest: str
    state: str
    reason: str = ""


@dataclass(frozen=True)
class Diff:
    """How version `b` differs from `a`; rows are the first ones that the other has not."""

    rows: tuple[int, int]
    money: Mapping[str, tuple[int, int]]
    columns: tuple[str, ...]
    only_in_a: int
    only_in_b: int
    sample_a: tuple[tuple[Any, ...], ...]
    sample_b: tuple[tuple[Any, ...], ...]


def history(settings: Settings, table: str, dt: str | None = None) -> list[Publication]:
    """Publications of a partition, or of all partitions of a table, newest first."""
    query = (
        sa.select(publications, versions, attempts.c.kind, attempts.c.run_id, *_standing())
        .join(versions, versions.c.version_id == publications.c.version_id)
        .join(attempts, attempts.c.attempt_id == _attempt_of_set())
        .where(publications.c.table_name == names.table(table))
        .order_by(publications.c.publication_id.desc())
    )
    if dt is not None:
        query = query.where(publications.c.dt == names.partition(dt))
    with open_ledger(settings).connect() as connection:
        rows = connection.execute(query).all()
    if not rows:
        raise CountinghouseError(
            f"{table} {dt or ''} was never published", remedy="countinghouse stale --why"
        )
    return [
        Publication(
            row.table_name,
            row.dt,
            row.published_at,
            row.epoch,
            row.version_id,
            row.kind,
            row.run_id,
            row.rows,
            row.money,
            row.digest,
            _state(row),
            row.hold_reason if row.is_published and row.hold_reason else "",
        )
        for row in rows
    ]


def _standing() -> tuple[sa.ColumnElement[Any], ...]:
    of_partition = (
        pointers.c.table_name == publications.c.table_name,
        pointers.c.dt == publications.c.dt,
    )
    hold = sa.select(sa.func.concat(holds.c.reason, " (", holds.c.owner, ")")).where(
        holds.c.table_name == publications.c.table_name,
        holds.c.dt == publications.c.dt,
        holds.c.released_at.is_(None),
    )
    now = sa.select(pointers.c.epoch == publications.c.epoch).where(*of_partition)
    return now.scalar_subquery().label("is_published"), hold.scalar_subquery().label("hold_reason")


def _attempt_of_set() -> sa.ScalarSelect[Any]:
    return (
        sa.select(publication_sets.c.attempt_id)
        .where(publication_sets.c.set_id == publications.c.set_id)
        .scalar_subquery()
    )


def _state(row: sa.Row[Any]) -> str:
    if row.is_published:
        return "lost" if row.collected_at else "held" if row.hold_reason else "published"
    return "collected" if row.collected_at else "kept"


def diff(settings: Settings, table: str, dt: str, a: str, b: str, *, sample: int = 10) -> Diff:
    """Compare two versions of a partition, named by version or by the attempt that wrote them."""
    partition = (names.table(table), names.partition(dt))
    ledger = open_ledger(settings)
    pair = [_version(ledger, *partition, word) for word in (a, b)]
    spec = published.table_specs(ledger)[table]
    session = engine_session.open_session(settings, name="diff")
    try:
        frames = [_frame(session, settings, spec, row.location) for row in pair]
        gone, new = frames[0].exceptAll(frames[1]), frames[1].exceptAll(frames[0])
        return Diff(
            rows=(pair[0].rows, pair[1].rows),
            money={
                key: (pair[0].money.get(key, 0), pair[1].money.get(key, 0))
                for key in sorted({*pair[0].money, *pair[1].money})
            },
            columns=tuple(frames[0].columns),
            only_in_a=gone.count(),
            only_in_b=new.count(),
            sample_a=_first(gone, sample),
            sample_b=_first(new, sample),
        )
    finally:
        session.stop()


def _version(ledger: sa.Engine, table: str, dt: str, word: str) -> sa.Row[Any]:
    query = sa.select(versions).where(versions.c.table_name == table, versions.c.dt == dt)
    with ledger.connect() as connection:
        found = [
            row
            for row in connection.execute(query)
            if word in (row.version_id, row.attempt_id) and row.collected_at is None
        ]
    if len(found) != 1:
        raise CountinghouseError(
            f"{word!r} names no version of {table} {dt} that still has its files",
            remedy=f"countinghouse history {table} {dt} shows them",
        )
    return found[0]


def _frame(session: SparkSession, settings: Settings, spec: TableSpec, location: str) -> DataFrame:
    """The rows of a version directory; a column that is newer than the version is NULL."""
    columns = [c for c in spec.columns if c.name != "dt" or not spec.partitioned]
    schema = ", ".join(f"`{c.name}` {c.type}" for c in columns)
    rows = session.read.schema(schema).parquet(str(settings.warehouse / location))
    return rows.selectExpr(
        *[
            # Maps cannot be compared as such.
            f"to_json(`{c.name}`) as `{c.name}`" if c.type.lower().startswith("map") else c.name
            for c in columns
            if c.name not in _RUN_COLUMNS
        ]
    )


def _first(frame: DataFrame, count: int) -> tuple[tuple[Any, ...], ...]:
    return tuple(engine_session.rows_of(frame.orderBy(*frame.columns).limit(count)))
