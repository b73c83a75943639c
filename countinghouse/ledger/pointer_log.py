"""What the pointer log in storage keeps of a publication set, beside the versions' manifests."""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from countinghouse.ledger.tables import attempts, holds, intents, publication_sets, versions
from countinghouse.planning.planner import Partition


def export_set(ledger: sa.Engine, set_id: str) -> dict[str, Any]:
    """Everything that rebuilds this set in an empty ledger, also when its files are collected."""
    with ledger.connect() as connection:
        row = connection.execute(
            sa.select(publication_sets).where(publication_sets.c.set_id == set_id)
        ).one()
        return {
            "set_id": set_id,
            "decided_at": row.created_at.isoformat(),
            "tables": row.tables,
            "events": row.events,
            "attempt": _attempt(connection, row.attempt_id),
            "intents": _intents(connection, set_id),
            "holds": _holds(connection, set_id),
        }


def in_order(sets: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Exported sets as they were decided: by epoch where two share a partition, else by time.

    Time alone would put what was published after a clock was put back before what it replaced.
    """
    by_id = {content["set_id"]: content for content in sets}
    epochs: dict[Partition, list[tuple[int, str]]] = {}
    for set_id, content in by_id.items():
        for row in content["intents"]:
            at = (int(row["epoch"]), set_id)
            epochs.setdefault((row["table_name"], row["dt"]), []).append(at)
    after: dict[str, set[str]] = {set_id: set() for set_id in by_id}
    for found in epochs.values():
        for (_, before), (_, later) in pairwise(sorted(found)):
            after[before].add(later)
    blocked = Counter(later for laters in after.values() for later in laters)
    ready = [(c["decided_at"], set_id) for set_id, c in by_id.items() if not blocked[set_id]]
    heapq.heapify(ready)
    done = []
    while ready:
        _, set_id = heapq.heappop(ready)
        done.append(by_id[set_id])
        for later in after[set_id]:
            blocked[later] -= 1
            if not blocked[later]:
                heapq.heappush(ready, (by_id[later]["decided_at"], later))
    return done


def _attempt(connection: sa.Connection, attempt_id: str) -> dict[str, Any]:
    columns = attempts.c.attempt_id, attempts.c.kind, attempts.c.run_id, attempts.c.scope
    row = connection.execute(sa.select(*columns).where(attempts.c.attempt_id == attempt_id))
    return dict(row.mappings().one())


def _intents(connection: sa.Connection, set_id: str) -> list[dict[str, Any]]:
    facts = [c for c in versions.c if c.name not in ("version_id", "collected_at", "slices")]
    named = [c for c in facts if c.name not in intents.c]
    rows = connection.execute(
        sa.select(intents, *named)
        .join(versions, versions.c.version_id == intents.c.version_id)
        .where(intents.c.set_id == set_id)
        .order_by(intents.c.rank)
    )
    return [dict(row) for row in rows.mappings()]


def _holds(connection: sa.Connection, set_id: str) -> list[dict[str, Any]]:
    rows = connection.execute(
        sa.select(holds.c.table_name, holds.c.dt, holds.c.reason, holds.c.owner, intents.c.epoch)
        .join(
            intents,
            sa.and_(
                intents.c.table_name == holds.c.table_name,
                intents.c.dt == holds.c.dt,
                intents.c.version_id == holds.c.version_id,
            ),
        )
        .where(intents.c.set_id == set_id, holds.c.released_at.is_(None))
    )
    return [dict(row) for row in rows.mappings()]
