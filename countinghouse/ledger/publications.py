"""Decisions and completions of publication sets, each one transaction."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from countinghouse.ledger.attempts import Attempt, check_not_fenced
from countinghouse.ledger.partitions import among
from countinghouse.ledger.rows import tuples
from countinghouse.ledger.slices import replace_slices
from countinghouse.ledger.tables import (
    gate_results,
    inputs,
    intents,
    outbox,
    pointers,
    publication_sets,
    publications,
    versions,
)
from countinghouse.planning.planner import Partition
from countinghouse.publishing.metastore import TableSpec
from countinghouse.publishing.version import Version

if TYPE_CHECKING:
    from countinghouse.publishing.publication import Batch, Verdict


@dataclass(frozen=True)
class DecidedSet:
    """A set whose intents are written: what to make visible, parents first."""

    set_id: str
    tables: Mapping[str, TableSpec]
    tables_in_order: Sequence[str]
    locations: Mapping[Partition, str]


def decide(
    ledger: sa.Engine, attempt: Attempt, batch: "Batch", passed: Sequence[Version]
) -> tuple[str, list[Version]]:
    """Write versions, intents and the set in one transaction; from here on the set rolls forward.

    Versions whose content is already published become confirmations of the published version.
    Raises Fenced if a partition has been claimed by another attempt since.
    """
    set_id = uuid.uuid4().hex[:16]
    with ledger.begin() as connection:
        check_not_fenced(connection, attempt)
        current = current_versions(connection, passed)
        slices = _current_slices(connection, [v for v in passed if v.slices is not None])
        changed = []
        for version in passed:
            partition = version.table, version.dt
            now = current.get(partition)
            # The same rows may lie on other business dates, after a change of zone.
            moved = slices.get(partition) != version.slices
            if now is not None and now[1] == version.digest and not moved:
                _confirm(connection, now[0], version)
            else:
                changed.append(version)
        _insert_versions(connection, changed)
        specs = {v.table: batch.tables[v.table] for v in changed}
        insert_set(connection, attempt, set_id, specs, batch.events(changed))
        insert_intents(connection, attempt, set_id, changed, current)
    return set_id, changed


def insert_set(
    connection: sa.Connection,
    attempt: Attempt,
    set_id: str,
    tables: Mapping[str, TableSpec],
    events: Sequence[Mapping[str, Any]],
) -> None:
    """Write a decided set; its events leave when it is complete."""
    connection.execute(
        publication_sets.insert().values(
            set_id=set_id,
            attempt_id=attempt.attempt_id,
            state="intent",
            tables={name: spec.to_json() for name, spec in tables.items()},
            events=events,
        )
    )


def insert_intents(
    connection: sa.Connection,
    attempt: Attempt,
    set_id: str,
    chosen: Sequence[Version],
    current: Mapping[Partition, tuple[str, str]],
) -> None:
    """Write what a set makes visible, parents first, and what is visible now."""
    rows = [
        {
            "set_id": set_id,
            "table_name": version.table,
            "dt": version.dt,
            "epoch": attempt.epochs[version.table, version.dt],
            "version_id": version.version_id,
            "previous_version": current.get((version.table, version.dt), (None,))[0],
            "rank": rank,
        }
        for rank, version in enumerate(chosen)
    ]
    if rows:
        connection.execute(intents.insert(), rows)


def current_versions(
    connection: sa.Connection, wanted: Sequence[Version]
) -> dict[Partition, tuple[str, str]]:
    """Published version and digest of the partitions of these versions; lost ones are left out."""
    rows = connection.execute(
        sa.select(pointers.c.table_name, pointers.c.dt, versions.c.version_id, versions.c.digest)
        .join(versions, versions.c.version_id == pointers.c.version_id)
        .where(
            versions.c.collected_at.is_(None),
            among(pointers, [(v.table, v.dt) for v in wanted]),
        )
    )
    return {(table, dt): (version, digest) for table, dt, version, digest in tuples(rows)}


def _current_slices(
    connection: sa.Connection, wanted: Sequence[Version]
) -> dict[Partition, Mapping[str, Any]]:
    rows = connection.execute(
        sa.select(pointers.c.table_name, pointers.c.dt, versions.c.slices)
        .join(versions, versions.c.version_id == pointers.c.version_id)
        .where(among(pointers, [(v.table, v.dt) for v in wanted]))
    )
    return {(table, dt): slices for table, dt, slices in tuples(rows)}


def _insert_versions(connection: sa.Connection, new: Sequence[Version]) -> None:
    if not new:
        return
    connection.execute(
        versions.insert(),
        [
            {
                "version_id": v.version_id,
                "table_name": v.table,
                "dt": v.dt,
                "attempt_id": v.attempt_id,
                "location": v.location,
                "format_version": v.format_version,
                "files": len(v.files),
                "bytes": v.bytes,
                "rows": v.rows,
                "money": dict(v.money),
                "digest": v.digest,
                "fingerprint": v.fingerprint,
                "inputs_digest": v.inputs_digest,
                "slices": v.slices,
            }
            for v in new
        ],
    )
    _insert_inputs(connection, {version.version_id: version for version in new})


def _confirm(connection: sa.Connection, version_id: str, again: Version) -> None:
    connection.execute(
        versions.update()
        .where(versions.c.version_id == version_id)
        .values(fingerprint=again.fingerprint, inputs_digest=again.inputs_digest)
    )
    connection.execute(inputs.delete().where(inputs.c.version_id == version_id))
    _insert_inputs(connection, {version_id: again})


def _insert_inputs(connection: sa.Connection, versions_by_id: Mapping[str, Version]) -> None:
    rows = [
        {
            "version_id": version_id,
            "input_table": i.table,
            "input_dt": i.dt,
            "role": i.role,
            "digest": i.digest,
        }
        for version_id, version in versions_by_id.items()
        for i in version.inputs
    ]
    if rows:
        connection.execute(inputs.insert(), rows)


def set_ids(ledger: sa.Engine) -> set[str]:
    """Ids of every set that was ever decided."""
    with ledger.connect() as connection:
        return set(connection.execute(sa.select(publication_sets.c.set_id)).scalars())


def load_set(ledger: sa.Engine, set_id: str) -> DecidedSet | None:
    """A set that is decided and not complete, or None."""
    with ledger.connect() as connection:
        tables = connection.execute(
            sa.select(publication_sets.c.tables).where(
                publication_sets.c.set_id == set_id, publication_sets.c.state == "intent"
            )
        ).scalar_one_or_none()
        if tables is None:
            return None
        rows = connection.execute(
            sa.select(intents.c.table_name, intents.c.dt, versions.c.location)
            .join(versions, versions.c.version_id == intents.c.version_id)
            .where(intents.c.set_id == set_id, _not_overtaken())
            .order_by(intents.c.rank)
        ).all()
    return DecidedSet(
        set_id,
        {name: TableSpec.from_json(name, content) for name, content in tables.items()},
        list(dict.fromkeys(table for table, _, _ in rows)),
        {(table, dt): location for table, dt, location in rows},
    )


def _not_overtaken() -> sa.ColumnElement[bool]:
    """An intent whose partition has no publication under a newer epoch."""
    newer = sa.select(pointers.c.epoch).where(
        pointers.c.table_name == intents.c.table_name,
        pointers.c.dt == intents.c.dt,
        pointers.c.epoch > intents.c.epoch,
    )
    return ~newer.exists()


def complete(ledger: sa.Engine, decided: DecidedSet) -> None:
    """Record that the whole set is visible, and its events; nothing if somebody did so before."""
    with ledger.begin() as connection:
        row = connection.execute(
            sa.select(publication_sets.c.events)
            .where(
                publication_sets.c.set_id == decided.set_id,
                publication_sets.c.state == "intent",
            )
            .with_for_update()
        ).one_or_none()
        if row is None:
            return
        chosen = sa.select(
            intents.c.table_name, intents.c.dt, intents.c.version_id, intents.c.epoch
        ).where(intents.c.set_id == decided.set_id, _not_overtaken())
        connection.execute(
            publications.insert().from_select(
                ["set_id", "table_name", "dt", "version_id", "previous_version", "epoch"],
                sa.select(
                    intents.c.set_id,
                    intents.c.table_name,
                    intents.c.dt,
                    intents.c.version_id,
                    intents.c.previous_version,
                    intents.c.epoch,
                )
                .where(intents.c.set_id == decided.set_id, _not_overtaken())
                .order_by(intents.c.rank),
            )
        )
        statement = insert(pointers).from_select(
            ["table_name", "dt", "version_id", "epoch"], chosen
        )
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[pointers.c.table_name, pointers.c.dt],
                set_={
                    "version_id": statement.excluded.version_id,
                    "epoch": statement.excluded.epoch,
                },
                where=pointers.c.epoch < statement.excluded.epoch,
            )
        )
        replace_slices(connection, decided.set_id)
        for event in row.events:
            connection.execute(outbox.insert().values(**event))
        connection.execute(
            publication_sets.update()
            .where(publication_sets.c.set_id == decided.set_id)
            .values(state="complete", completed_at=sa.func.clock_timestamp())
        )


def record_gates(
    ledger: sa.Engine,
    attempt: Attempt,
    verdicts: Mapping[Partition, "Verdict"],
) -> None:
    """Keep every gate result; partitions of a table for which a rule passed share one row."""
    passed: dict[tuple[str, str], list[str]] = {}
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for (table, partition), verdict in verdicts.items():
        for result in verdict.results:
            dt = partition
            if result["passed"]:
                passed.setdefault((table, result["rule"]), []).append(dt)
                dt = ""
            rows[table, result["rule"], dt] = {
                "attempt_id": attempt.attempt_id,
                "table_name": table,
                **result,
                "dt": dt,
            }
    for (table, rule), dts in passed.items():
        span = dts[0] if len(dts) == 1 else f"{min(dts)}..{max(dts)}"
        rows[table, rule, ""]["dt"] = span
    if rows:
        with ledger.begin() as connection:
            connection.execute(gate_results.insert(), list(rows.values()))
