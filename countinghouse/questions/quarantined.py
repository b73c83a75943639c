"""Answers `countinghouse quarantine`: which rows broke their contract, since when, whose they are.

The ledger knows how many; reasons and places are read from the published files. No engine needed.
"""

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from countinghouse import names
from countinghouse.errors import CountinghouseError
from countinghouse.ledger.rows import tuples
from countinghouse.ledger.tables import deliveries, inputs, pointers, versions
from countinghouse.settings import Settings

_PREFIX = "quarantine."


@dataclass(frozen=True)
class QuarantinedTable:
    """Rows of a feed that wait for somebody; `accepted_at` is when the oldest of them came."""

    table: str
    owner: str
    rows: int
    dates: int
    first: str
    last: str
    accepted_at: datetime.datetime | None
    age_days: int


@dataclass(frozen=True)
class QuarantinedRow:
    """One row: the rule that it breaks and where it lies; `raw` only where the feed has no PII."""

    dt: str
    reason: str
    file: str
    row_number: int
    delivery: int
    raw: str | None


@dataclass(frozen=True)
class _Partition:
    table: str
    dt: str
    rows: int
    location: str
    accepted_at: datetime.datetime | None


def quarantined(
    connection: sa.Connection, owners: Mapping[str, str], now: datetime.datetime
) -> list[QuarantinedTable]:
    """Tables with quarantined rows, by name; `owners` by table. Age from acceptance, in days."""
    by_table: dict[str, list[_Partition]] = {}
    for one in _partitions(connection):
        by_table.setdefault(one.table, []).append(one)
    return [
        _table(found, owners.get(table, "undeclared"), now)
        for table, found in sorted(by_table.items())
    ]


def _table(found: Sequence[_Partition], owner: str, now: datetime.datetime) -> QuarantinedTable:
    accepted = min((one.accepted_at for one in found if one.accepted_at), default=None)
    return QuarantinedTable(
        table=found[0].table,
        owner=owner,
        rows=sum(one.rows for one in found),
        dates=len(found),
        first=found[0].dt,
        last=found[-1].dt,
        accepted_at=accepted,
        age_days=(now - accepted).days if accepted else 0,
    )


def reasons(settings: Settings, connection: sa.Connection, table: str) -> Counter[str]:
    """Rows by the rule that they break, of a quarantine table as published."""
    import pyarrow.parquet as pq

    found: Counter[str] = Counter()
    for one in _partitions(connection, table):
        for file in _files(settings, one):
            found.update(pq.read_table(file, columns=["_reason"])["_reason"].to_pylist())
    return found


def rows(
    settings: Settings,
    connection: sa.Connection,
    table: str,
    *,
    dt: str | None = None,
    reason: str = "",
    limit: int = 20,
) -> list[QuarantinedRow]:
    """The first rows by date, file and number, of one date or with one reason where given."""
    found: list[QuarantinedRow] = []
    for one in _partitions(connection, table, dt):
        of_date = [row for file in _files(settings, one) for row in _rows(file, one.dt)]
        of_date = [row for row in of_date if reason in ("", row.reason)]
        found += sorted(of_date, key=lambda row: (row.delivery, row.file, row.row_number))
        if len(found) >= limit:
            break
    return found[:limit]


def dates(connection: sa.Connection, table: str) -> dict[str, int]:
    """Quarantined rows by date, dates without any left out."""
    return {one.dt: one.rows for one in _partitions(connection, table)}


def table_of(word: str) -> str:
    """The quarantine table that a feed (`shop.orders`) or a raw or quarantine table names."""
    schema, _, name = word.partition(".")
    if schema in ("raw", "quarantine") and "__" in name:
        return f"{_PREFIX}{names.identifier(name)}"
    return names.Feed.parse(word).quarantine


def _partitions(
    connection: sa.Connection, table: str | None = None, dt: str | None = None
) -> list[_Partition]:
    """Published quarantine partitions that have rows, by table and date."""
    raw = sa.func.concat("raw.", sa.func.replace(deliveries.c.feed, ".", "__"))
    same = sa.and_(
        inputs.c.input_table == raw,
        inputs.c.input_dt == deliveries.c.dt,
        inputs.c.digest == deliveries.c.digest,
    )
    chosen = [] if table is None else [pointers.c.table_name == table]
    chosen += [] if dt is None else [pointers.c.dt == dt]
    partition = (pointers.c.table_name, pointers.c.dt, versions.c.rows, versions.c.location)
    query = (
        sa.select(*partition, sa.func.min(deliveries.c.received_at))
        .join(versions, versions.c.version_id == pointers.c.version_id)
        .join(inputs, inputs.c.version_id == versions.c.version_id, isouter=True)
        .join(deliveries, same, isouter=True)
        .where(
            pointers.c.table_name.startswith(_PREFIX),
            versions.c.rows > 0,
            versions.c.collected_at.is_(None),
            *chosen,
        )
        .group_by(*partition)
        .order_by(pointers.c.table_name, pointers.c.dt)
    )
    return [_Partition(*row) for row in tuples(connection.execute(query))]


def _files(settings: Settings, one: _Partition) -> list[Path]:
    folder = settings.warehouse / one.location
    found = sorted(folder.glob("*.parquet"))
    if not found:
        raise CountinghouseError(
            f"{one.table} {one.dt}: {folder} is empty, {one.rows} rows were published",
            remedy="countinghouse reconcile",
        )
    return found


def _rows(file: Path, dt: str) -> list[QuarantinedRow]:
    import pyarrow.parquet as pq

    columns = ["_reason", "_source_file", "_row_number", "_delivery", "_raw"]
    read: list[dict[str, Any]] = pq.read_table(file, columns=columns).to_pylist()
    return [QuarantinedRow(dt, *(row[name] for name in columns)) for row in read]
