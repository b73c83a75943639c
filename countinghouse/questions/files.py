"""Answers `countinghouse files`: where the published rows lie, for readers without Thrift."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from countinghouse import names
from countinghouse.errors import CountinghouseError
from countinghouse.ledger import open_ledger
from countinghouse.ledger.tables import pointers, versions
from countinghouse.settings import Settings


@dataclass(frozen=True)
class PublishedFiles:
    """The directory of a published partition; without files it holds no rows."""

    dt: str
    directory: Path
    files: int
    rows: int
    bytes: int


def published_files(
    settings: Settings, table: str, first: str | None = None, last: str | None = None
) -> list[PublishedFiles]:
    """Directories of a table's published partitions, between two dates, oldest first.

    A directory is never written again, but `gc` may collect it once another version has been
    published: ask anew for each reading. Raises CountinghouseError when there is none.
    """
    query = (
        sa.select(
            pointers.c.dt, versions.c.location, versions.c.files, versions.c.rows, versions.c.bytes
        )
        .join(versions, versions.c.version_id == pointers.c.version_id)
        .where(pointers.c.table_name == names.table(table), versions.c.collected_at.is_(None))
        .order_by(pointers.c.dt)
    )
    if first:
        query = query.where(pointers.c.dt >= names.date(first))
    if last:
        query = query.where(pointers.c.dt <= names.date(last))
    with open_ledger(settings).connect() as connection:
        found = [
            PublishedFiles(r.dt, settings.warehouse / r.location, r.files, r.rows, r.bytes)
            for r in connection.execute(query)
        ]
    if not found:
        raise CountinghouseError(
            f"nothing of {table} is published between {first or 'its beginning'} and "
            f"{last or 'today'}",
            remedy=f"countinghouse history {table}",
        )
    return found


def duckdb_relation(found: Sequence[PublishedFiles]) -> str:
    """A DuckDB expression for the rows of these partitions, to be read from; `dt` is a text.

    A column that is newer than a partition is NULL there, as through Thrift.
    """
    filled = [one for one in found if one.files]
    if not filled:
        raise CountinghouseError(
            f"the {len(found)} partitions have no rows and no files",
            remedy="choose other dates, or read the table through Thrift",
        )
    paths = ",\n  ".join("'" + str(one.directory / "*.parquet") + "'" for one in filled)
    options = "union_by_name = true"
    if filled[0].dt != names.WHOLE:
        options += ", hive_partitioning = true, hive_types = {'dt': VARCHAR}"
    return f"read_parquet([\n  {paths}\n], {options})"
