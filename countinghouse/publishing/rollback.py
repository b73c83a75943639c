"""Publishes an earlier version of a partition again, under a new epoch, and holds it there.

`countinghouse rollback marts.rpt_sales_daily 2026-03-01 --reason "wrong rates" --owner finance`
"""

import uuid
from dataclasses import dataclass

import sqlalchemy as sa

from countinghouse import names
from countinghouse.errors import CountinghouseError
from countinghouse.failpoints import reach
from countinghouse.ledger import holds, open_ledger, published
from countinghouse.ledger.holds import Hold
from countinghouse.ledger.state import busy
from countinghouse.ledger.tables import pointers as pointer_rows
from countinghouse.ledger.tables import publications, versions
from countinghouse.planning.planner import Partition
from countinghouse.publishing import pointers, publication, reconcile
from countinghouse.publishing.version import Version, broken, has_passed, read_manifest
from countinghouse.settings import Settings


@dataclass(frozen=True)
class RolledBack:
    """The version that was published before, and the one that is published now."""

    table: str
    dt: str
    before: str
    now: str
    rows: int


def rollback(
    settings: Settings, table: str, dt: str, *, to: str | None = None, hold: Hold
) -> RolledBack:
    """Publish version `to` (or the attempt that wrote it) again; without `to` the one before.

    The partition is held in the same transaction: no build touches it until `release`. What reads
    it becomes stale by itself, as the content differs.
    """
    partition = (names.table(table), names.partition(dt))
    ledger = open_ledger(settings)
    reconcile.finish_crashes(settings)
    before, chosen = _chosen(ledger, partition, to)
    version = _sound(settings, ledger, chosen)
    with publication.claim(
        settings,
        ledger,
        kind="rollback",
        scope=f"{table} {dt}",
        run_id=f"rollback-{uuid.uuid4().hex[:8]}",
        choose=lambda connection, living: _free(connection, living, partition),
    ) as work:
        spec = published.table_specs(ledger)[table]
        set_id = holds.decide_earlier(ledger, work.attempt, version, spec, hold)
        reach("after_decide")
        pointers.log_set(settings, ledger, set_id)
        publication.roll_forward_surviving(work, set_id)
    return RolledBack(table, dt, before, version.version_id, version.rows)


def release(settings: Settings, table: str, dt: str) -> None:
    """End the hold of a partition: the next build brings it up to date; refuses if it has none."""
    partition = (names.table(table), names.partition(dt))
    ledger = open_ledger(settings)
    with ledger.connect() as connection:
        held = holds.open_hold(connection, partition)
        epoch = connection.execute(
            sa.select(pointer_rows.c.epoch).where(
                pointer_rows.c.table_name == table, pointer_rows.c.dt == dt
            )
        ).scalar_one_or_none()
    if held is None or epoch is None:
        raise CountinghouseError(
            f"{table} {dt} is not held", remedy=f"countinghouse history {table} {dt}"
        )
    # Before the ledger: a crash in between leaves it held, and releasing again repairs that.
    pointers.log_release(settings, table, dt, epoch)
    with ledger.begin() as connection:
        holds.release(connection, partition)


def _chosen(ledger: sa.Engine, partition: Partition, to: str | None) -> tuple[str, str]:
    """The published version and the one to publish instead, both by id."""
    table, dt = partition
    with ledger.connect() as connection:
        now = connection.execute(
            sa.select(pointer_rows.c.version_id).where(
                pointer_rows.c.table_name == table, pointer_rows.c.dt == dt
            )
        ).scalar_one_or_none()
        kept = _published_ever(connection, partition)
        first = _first_epoch(connection, partition, now)
    if now is None:
        raise CountinghouseError(f"{table} {dt} is not published", remedy="countinghouse stale")
    others = [version for version in kept if version != now]
    if to is not None:
        earlier = [v for v in others if to in (v, v.partition("/")[0])]
    else:
        # Rolling back twice goes back two versions, not forth again.
        earlier = [v for v in others if kept[v] < first]
    if not earlier:
        wanted = f"version {to}" if to else "an earlier version"
        raise CountinghouseError(
            f"{table} {dt}: {wanted} that was published before is not kept",
            remedy=f"countinghouse history {table} {dt} shows what is",
        )
    return now, earlier[0]


def _first_epoch(connection: sa.Connection, partition: Partition, version: str | None) -> int:
    """The epoch under which a version was first published, its files kept or not."""
    query = sa.select(sa.func.min(publications.c.epoch)).where(
        publications.c.table_name == partition[0],
        publications.c.dt == partition[1],
        publications.c.version_id == version,
    )
    return connection.execute(query).scalar_one_or_none() or 0


def _published_ever(connection: sa.Connection, partition: Partition) -> dict[str, int]:
    """Versions that were published and still have files, newest first, with their first epoch."""
    table, dt = partition
    first = sa.func.min(publications.c.epoch).label("epoch")
    rows = connection.execute(
        sa.select(publications.c.version_id, first)
        .join(versions, versions.c.version_id == publications.c.version_id)
        .where(
            publications.c.table_name == table,
            publications.c.dt == dt,
            versions.c.collected_at.is_(None),
        )
        .group_by(publications.c.version_id)
        .order_by(first.desc())
    )
    return {row.version_id: row.epoch for row in rows}


def _sound(settings: Settings, ledger: sa.Engine, version_id: str) -> Version:
    """The version as its manifest describes it; refuses files that differ or never passed."""
    folder = settings.warehouse / published.version_paths(ledger, [version_id])[version_id]
    remedy = "choose another version by --to, or restore the directory from a backup"
    try:
        version = read_manifest(folder)
    except FileNotFoundError:
        raise CountinghouseError(f"{folder} has no manifest", remedy=remedy) from None
    problem = broken(settings.warehouse, version)
    if problem:
        raise CountinghouseError(f"{folder} differs from its manifest: {problem}", remedy=remedy)
    if not has_passed(folder):
        raise CountinghouseError(f"{folder} has no passed audit", remedy=remedy)
    return version


def _free(
    connection: sa.Connection, living: frozenset[str], partition: Partition
) -> list[Partition]:
    """The partition, unless somebody builds it now."""
    if partition in busy(connection, living):
        raise CountinghouseError(
            f"{partition[0]} {partition[1]} is being built or published at this moment",
            remedy="run the same command again when that run has ended",
        )
    return [partition]
