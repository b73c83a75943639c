"""Holds: a partition that was rolled back stays at its version until somebody releases it."""

import uuid
from dataclasses import dataclass

import sqlalchemy as sa

from countinghouse.errors import CountinghouseError
from countinghouse.ledger.attempts import Attempt, check_not_fenced
from countinghouse.ledger.publications import current_versions, insert_intents, insert_set
from countinghouse.ledger.tables import holds, versions
from countinghouse.planning.planner import Partition
from countinghouse.publishing.metastore import TableSpec
from countinghouse.publishing.version import Version


@dataclass(frozen=True)
class Hold:
    """Why a partition is held, and who answers for it."""

    reason: str
    owner: str


def decide_earlier(
    ledger: sa.Engine, attempt: Attempt, version: Version, table: TableSpec, hold: Hold
) -> str:
    """Decide, in one transaction, to publish an earlier version again and to hold its partition.

    Raises Fenced like `publications.decide`; refuses a version that has been collected meanwhile.
    """
    set_id = uuid.uuid4().hex[:16]
    with ledger.begin() as connection:
        check_not_fenced(connection, attempt)
        _lock_kept(connection, version)
        current = current_versions(connection, [version])
        insert_set(connection, attempt, set_id, {version.table: table}, [])
        insert_intents(connection, attempt, set_id, [version], current)
        release(connection, (version.table, version.dt))
        connection.execute(
            holds.insert().values(
                table_name=version.table,
                dt=version.dt,
                version_id=version.version_id,
                reason=hold.reason,
                owner=hold.owner,
            )
        )
    return set_id


def _lock_kept(connection: sa.Connection, version: Version) -> None:
    """With the row locked, garbage collection has either taken the version or sees the intent."""
    collected: object = connection.execute(
        sa.select(versions.c.collected_at)
        .where(versions.c.version_id == version.version_id)
        .with_for_update()
    ).scalar_one()
    if collected is not None:
        raise CountinghouseError(
            f"{version.version_id} has been collected",
            remedy=f"countinghouse history {version.table} {version.dt}, and choose another",
        )


def open_hold(connection: sa.Connection, partition: Partition) -> Hold | None:
    """The hold of a partition, if there is one."""
    row = connection.execute(
        sa.select(holds.c.reason, holds.c.owner).where(*_open(partition))
    ).one_or_none()
    return Hold(row.reason, row.owner) if row else None


def release(connection: sa.Connection, partition: Partition) -> bool:
    """End the hold of a partition; false when it has none."""
    ended = connection.execute(
        holds.update().where(*_open(partition)).values(released_at=sa.func.clock_timestamp())
    )
    return ended.rowcount > 0


def _open(partition: Partition) -> tuple[sa.ColumnElement[bool], ...]:
    table, dt = partition
    return (holds.c.table_name == table, holds.c.dt == dt, holds.c.released_at.is_(None))
