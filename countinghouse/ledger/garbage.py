"""Which versions nothing needs any more, and their marking, which comes before any deletion."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from countinghouse.ledger.tables import (
    attempts,
    holds,
    intents,
    pointers,
    publication_sets,
    publications,
    versions,
)


@dataclass(frozen=True)
class Keep:
    """What garbage collection leaves: depth of rollback, and how long something stays in use."""

    rollback_depth: int
    grace_seconds: float


@dataclass(frozen=True)
class Unneeded:
    """A version that nothing needs."""

    version_id: str
    location: str
    bytes: int


def unneeded(connection: sa.Connection, keep: Keep) -> list[Unneeded]:
    """Versions that have files and that no pointer, hold, rollback, set or reader needs."""
    rows = connection.execute(
        sa.select(versions.c.version_id, versions.c.location, versions.c.bytes)
        .where(versions.c.collected_at.is_(None), *_not_needed(keep))
        .order_by(versions.c.version_id)
    )
    return [Unneeded(row.version_id, row.location, row.bytes) for row in rows]


def mark_collected(connection: sa.Connection, keep: Keep, version_ids: Collection[str]) -> set[str]:
    """Mark those of the versions that are still not needed; return them.

    Their rows are locked first: a rollback to one of them comes before, and is then seen, or
    waits, and is then refused.
    """
    chosen = versions.c.version_id.in_(version_ids)
    connection.execute(
        sa.select(versions.c.version_id)
        .where(chosen)
        .order_by(versions.c.version_id)
        .with_for_update()
    )
    marked = connection.execute(
        versions.update()
        .where(chosen, versions.c.collected_at.is_(None), *_not_needed(keep))
        .values(collected_at=sa.func.clock_timestamp())
        .returning(versions.c.version_id)
    )
    return set(marked.scalars())


def kept_locations(connection: sa.Connection) -> set[str]:
    """Directories of versions with files, and of published ones, whatever is left of them."""
    published = sa.select(pointers.c.version_id)
    return set(
        connection.execute(
            sa.select(versions.c.location).where(
                versions.c.collected_at.is_(None) | versions.c.version_id.in_(published)
            )
        ).scalars()
    )


def known_locations(connection: sa.Connection) -> set[str]:
    """Directories of every version that was ever decided."""
    return set(connection.execute(sa.select(versions.c.location)).scalars())


def attempts_in_use(connection: sa.Connection, keep: Keep) -> set[str]:
    """Attempts that are open, or that ended within the grace period."""
    long_ago = attempts.c.ended_at < sa.func.clock_timestamp() - _seconds(keep.grace_seconds)
    return set(
        connection.execute(
            sa.select(attempts.c.attempt_id).where(attempts.c.ended_at.is_(None) | ~long_ago)
        ).scalars()
    )


def _not_needed(keep: Keep) -> tuple[sa.ColumnElement[bool], ...]:
    deciding = publication_sets.c.state == "intent"
    of_set = publication_sets.c.set_id == intents.c.set_id
    needed = [
        sa.select(pointers.c.version_id),
        sa.select(holds.c.version_id).where(holds.c.released_at.is_(None)),
        sa.select(intents.c.version_id).join(publication_sets, of_set).where(deciding),
        sa.select(intents.c.previous_version)
        .join(publication_sets, of_set)
        .where(deciding, intents.c.previous_version.is_not(None)),
        _rollback_targets(keep.rollback_depth),
        _recently_replaced(keep.grace_seconds),
    ]
    return tuple(versions.c.version_id.not_in(query) for query in needed)


def _rollback_targets(depth: int) -> sa.Select[tuple[str]]:
    """The newest versions of each partition, the published one not counted."""
    first = (
        sa.select(
            publications.c.table_name,
            publications.c.dt,
            publications.c.version_id,
            sa.func.min(publications.c.epoch).label("epoch"),
        )
        .join(versions, versions.c.version_id == publications.c.version_id)
        .where(
            versions.c.collected_at.is_(None),
            publications.c.version_id.not_in(sa.select(pointers.c.version_id)),
        )
        .group_by(publications.c.table_name, publications.c.dt, publications.c.version_id)
        .subquery()
    )
    place = sa.func.row_number().over(
        partition_by=(first.c.table_name, first.c.dt), order_by=first.c.epoch.desc()
    )
    placed = sa.select(first.c.version_id, place.label("place")).subquery()
    return sa.select(placed.c.version_id).where(placed.c.place <= depth)


def _recently_replaced(grace_seconds: float) -> sa.Select[tuple[str]]:
    """Versions that some query or attempt may have begun to read while they were published."""
    oldest_attempt = sa.select(sa.func.min(attempts.c.started_at)).where(attempts.c.state == "open")
    before = sa.func.least(
        sa.func.clock_timestamp() - _seconds(grace_seconds), oldest_attempt.scalar_subquery()
    )
    return sa.select(publications.c.previous_version).where(
        publications.c.previous_version.is_not(None), publications.c.published_at >= before
    )


def _seconds(seconds: float) -> sa.ColumnElement[object]:
    return sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
