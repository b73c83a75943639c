"""Brings into the ledger what storage knows and it does not: deliveries and publication sets.

Into an empty ledger that is a rebuild; after the restore of a backup, what has happened since.
Not in storage, and lost with a ledger: conservation figures, runs that published nothing, events.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from countinghouse.ledger import holds as hold_rows
from countinghouse.ledger import migrate, open_ledger, pointer_log
from countinghouse.ledger.slices import rebuild_slices
from countinghouse.ledger.tables import (
    attempts,
    claims,
    deliveries,
    gate_results,
    holds,
    inputs,
    intents,
    pointers,
    publication_sets,
    publications,
    versions,
)
from countinghouse.planning.planner import Partition
from countinghouse.publishing import pointers as pointer_files
from countinghouse.publishing.version import AUDIT, as_confirmed, broken, has_passed, read_manifest
from countinghouse.settings import Settings

Row = Mapping[str, Any]


@dataclass
class Recovered:
    """How much was found in storage, and what of it cannot be used."""

    deliveries: int = 0
    sets: int = 0
    problems: list[str] = field(default_factory=list)


def open_anew(settings: Settings) -> sa.Engine:
    """The ledger, migrated again: its schema may have been dropped since it was opened."""
    ledger = open_ledger(settings)
    ledger.dispose()
    migrate(ledger)
    return ledger


def is_empty(ledger: sa.Engine) -> bool:
    """Whether nothing has been delivered or published yet."""
    with ledger.connect() as connection:
        return not any(
            connection.execute(sa.select(sa.exists(sa.select(table)))).scalar_one()
            for table in (deliveries, publication_sets)
        )


def absorb(settings: Settings, ledger: sa.Engine) -> Recovered:
    """Add what the archive's log, the pointer log and the manifests say, in one transaction."""
    unknown = pointer_files.unknown_sets(settings, ledger)
    logged = [json.loads(path.read_text()) for path in unknown]
    found = Recovered(sets=len(logged))
    with ledger.begin() as connection:
        found.deliveries = _deliveries(connection, settings)
        for content in pointer_log.in_order(logged):
            _set(connection, settings, content, found)
        _holds(connection, settings)
        rebuild_slices(connection)
    return found


def _deliveries(connection: sa.Connection, settings: Settings) -> int:
    paths = sorted((settings.archive / "log").glob("[0-9]*.json"))
    rows = [json.loads(path.read_text()) for path in paths]
    known: set[int] = set(connection.execute(sa.select(deliveries.c.position)).scalars())
    for row in rows:
        statement = insert(deliveries).values(row)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["position"],
                set_={"status": row["status"], "reason": row["reason"]},
            )
        )
    connection.execute(
        sa.text(
            "SELECT setval(pg_get_serial_sequence('ops.deliveries', 'position'), max(position)) "
            "FROM ops.deliveries HAVING max(position) IS NOT NULL"
        )
    )
    return len([row for row in rows if row["position"] not in known])


def _set(connection: sa.Connection, settings: Settings, content: Row, found: Recovered) -> None:
    _attempt(connection, content)
    # A set without intents confirmed what was published: it is known, so that it is not read again.
    connection.execute(
        publication_sets.insert().values(
            set_id=content["set_id"],
            attempt_id=content["attempt"]["attempt_id"],
            state="complete",
            tables=content["tables"],
            events=content["events"],
            created_at=content["decided_at"],
            completed_at=content["decided_at"],
        )
    )
    usable = [row for row in content["intents"] if _version(connection, settings, row, found)]
    if not usable:
        return
    connection.execute(intents.insert(), [_only(row, intents) for row in usable])
    connection.execute(
        publications.insert(),
        [{**_only(row, publications), "published_at": content["decided_at"]} for row in usable],
    )
    _point(connection, usable, content["attempt"]["attempt_id"])


def _attempt(connection: sa.Connection, content: Row) -> None:
    at = content["decided_at"]
    connection.execute(
        insert(attempts)
        .values(
            **content["attempt"],
            session_id="",
            host="",
            pid=0,
            pid_started=0,
            state="done",
            started_at=at,
            heartbeat_at=at,
            ended_at=at,
        )
        .on_conflict_do_nothing()
    )


def _version(connection: sa.Connection, settings: Settings, row: Row, found: Recovered) -> bool:
    """Make the version known; false if it must not be published, as it never passed its audit."""
    folder = settings.warehouse / row["location"]
    values = _only(row, versions)
    try:
        version = as_confirmed(folder, read_manifest(folder))
    except FileNotFoundError:
        # Collected, or lost: what the pointer log says of it is all that is left.
        values["collected_at"] = datetime.now(UTC)
        _insert_once(connection, versions, values)
        return True
    if not has_passed(folder):
        found.problems.append(f"{row['version_id']} has no passed audit and is not published")
        return False
    if problem := broken(settings.warehouse, version):
        found.problems.append(f"{row['version_id']}: {problem}")
        values["collected_at"] = datetime.now(UTC)
    values |= {
        "fingerprint": version.fingerprint,
        "inputs_digest": version.inputs_digest,
        "slices": version.slices,
    }
    if _insert_once(connection, versions, values):
        said = [(i.table, i.dt, i.role, i.digest) for i in version.inputs]
        names = ("input_table", "input_dt", "role", "digest")
        _insert_all(
            connection,
            inputs,
            [{"version_id": row["version_id"], **dict(zip(names, i, strict=True))} for i in said],
        )
        _gates(connection, json.loads((folder / AUDIT).read_text())["results"], row)
    return True


def _gates(connection: sa.Connection, results: Iterable[Row], row: Row) -> None:
    own = {"attempt_id": row["attempt_id"], "table_name": row["table_name"], "dt": row["dt"]}
    _insert_all(connection, gate_results, [{**own, **result} for result in results])


def _point(connection: sa.Connection, rows: Sequence[Row], attempt_id: str) -> None:
    for row in rows:
        statement = insert(pointers).values(_only(row, pointers))
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["table_name", "dt"],
                set_={
                    "version_id": statement.excluded.version_id,
                    "epoch": statement.excluded.epoch,
                },
                where=pointers.c.epoch < statement.excluded.epoch,
            )
        )
        claim = insert(claims).values(
            **{key: row[key] for key in ("table_name", "dt", "epoch")},
            attempt_id=attempt_id,
            state="closed",
        )
        connection.execute(
            claim.on_conflict_do_update(
                index_elements=["table_name", "dt"],
                set_={"epoch": claim.excluded.epoch, "attempt_id": attempt_id},
                where=claims.c.epoch < claim.excluded.epoch,
            )
        )


def _holds(connection: sa.Connection, settings: Settings) -> None:
    """The newest hold of each partition is open unless the log says that it was released."""
    folder = settings.warehouse / pointer_files.POINTER_LOG
    logged = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    newest: dict[Partition, Row] = {}
    for hold in (hold for content in logged for hold in content.get("holds", ())):
        partition = (hold["table_name"], hold["dt"])
        newest[partition] = max(newest.get(partition, hold), hold, key=lambda h: int(h["epoch"]))
    released = {
        (end["table_name"], end["dt"], end["epoch"])
        for end in (content["released"] for content in logged if "released" in content)
    }
    for (table, dt), hold in newest.items():
        is_open = hold_rows.open_hold(connection, (table, dt)) is not None
        if (table, dt, hold["epoch"]) in released:
            hold_rows.release(connection, (table, dt))
        elif not is_open:
            values = {key: hold[key] for key in ("table_name", "dt", "reason", "owner")}
            version = sa.select(pointers.c.version_id).where(
                pointers.c.table_name == table, pointers.c.dt == dt
            )
            connection.execute(
                holds.insert().values(**values, version_id=version.scalar_subquery())
            )


def _only(row: Row, table: sa.Table) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key in table.c}


def _insert_once(connection: sa.Connection, table: sa.Table, values: Row) -> bool:
    done = connection.execute(insert(table).values(values).on_conflict_do_nothing())
    return done.rowcount > 0


def _insert_all(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    if rows:
        connection.execute(table.insert(), list(rows))
