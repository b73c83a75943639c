"""Finishes what a crash left, and makes the metastore say what the ledger says."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from countinghouse import engine_session, metastore, pointers, publication
from countinghouse.ledger import attempts, open_ledger, published
from countinghouse.ledger.published import Location
from countinghouse.ledger.tables import publication_sets
from countinghouse.metastore import TableSpec
from countinghouse.notifier import Alert, notifier
from countinghouse.settings import Settings
from countinghouse.version import data_files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_ENGINE_SECONDS = 60


def reconcile(settings: Settings, *, full: bool = True) -> list[str]:
    """Finish crashes, check every published directory, repair pointers; return what was done.

    Without `full` the metastore is not asked: a check that a minute can afford.
    """
    done = finish_crashes(settings)
    ledger = open_ledger(settings)
    done += find_lost(settings, ledger)
    if full or done:
        session = engine_session.open_session(settings, name="reconcile")
        try:
            done += repair(settings, ledger, session)
        finally:
            session.stop()
    return done


def finish_crashes(settings: Settings) -> list[str]:
    """Fence dead attempts and roll forward what they had decided; every claimant does so first."""
    ledger = open_ledger(settings)
    dead = attempts.any_dead(ledger, lease_seconds=settings.lease_seconds)
    if not dead and not _abandoned_sets(ledger):
        return []
    engine_session.wait_until_healthy(settings, _ENGINE_SECONDS)
    done = [
        f"fenced attempt {attempt} of {run}"
        for attempt, run in attempts.fence_dead(
            ledger,
            lambda session_id: engine_session.fence(settings, session_id),
            lease_seconds=settings.lease_seconds,
        )
    ]
    left = _abandoned_sets(ledger)
    if not left:
        return done
    session = engine_session.open_session(settings, name="reconcile")
    try:
        for set_id in left:
            pointers.log_set(settings, ledger, set_id)
            publication.roll_forward(settings, ledger, session, set_id)
            done.append(f"rolled publication set {set_id} forward")
    finally:
        session.stop()
    return done


def _abandoned_sets(ledger: sa.Engine) -> list[str]:
    still_open = sa.select(attempts.attempts.c.attempt_id).where(
        attempts.attempts.c.state == "open"
    )
    query = (
        sa.select(publication_sets.c.set_id)
        .where(
            publication_sets.c.state == "intent",
            publication_sets.c.attempt_id.not_in(still_open),
        )
        .order_by(publication_sets.c.created_at)
    )
    with ledger.connect() as connection:
        return list(connection.execute(query).scalars())


def find_lost(settings: Settings, ledger: sa.Engine) -> list[str]:
    """Alert on published directories that are not what their manifests say; mark them stale."""
    done = []
    for name, partitions in published.locations(ledger).items():
        for dt, found in partitions.items():
            why = _lost(settings, found)
            if why:
                done.append(f"{name} {dt}: {why}")
                _report_lost(settings, ledger, name, dt, found, why)
    return done


def repair(settings: Settings, ledger: sa.Engine, session: "SparkSession") -> list[str]:
    """Let the metastore say what the ledger says, table by table."""
    done = []
    for spec in published.table_specs(ledger).values():
        # While nobody can claim: what is claimed already is its publisher's to move.
        with ledger.begin() as connection:
            attempts.lock_claims(connection)
            busy = {dt for table, dt in attempts.claimed(connection) if table == spec.name}
            expected = {
                dt: _grave(settings, spec.name, dt)
                if found.collected
                else settings.warehouse / found.path
                for dt, found in published.locations(ledger).get(spec.name, {}).items()
            }
            if expected:
                done += _restore(settings, session, spec, expected, busy)
    return done


def _lost(settings: Settings, found: Location) -> str:
    there = data_files(settings.warehouse / found.path)
    if found.collected or (len(there), sum(there.values())) == (found.files, found.bytes):
        return ""
    return (
        f"{found.path} holds {len(there)} files and {sum(there.values())} bytes, "
        f"its manifest says {found.files} and {found.bytes}"
    )


def _report_lost(
    settings: Settings, ledger: sa.Engine, table: str, dt: str, found: Location, why: str
) -> None:
    published.mark_lost(ledger, found.version_id)
    notifier(settings).notify(
        Alert(
            table=table,
            partition=dt,
            rule="published directory equals manifest",
            rows=0,
            sample="",
            command="countinghouse build (the partition is stale now), or restore the directory",
            message=f"{table} {dt}: {why}; readers get an error until it is rebuilt",
            severity="block",
        ),
    )


def _grave(settings: Settings, table: str, dt: str) -> Path:
    """A directory that no reader can mistake for an empty partition: its file is not Parquet."""
    folder = settings.warehouse / "lost" / table / f"dt={dt}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "PARTITION_LOST_see_countinghouse_status.parquet").write_text(
        f"{table} {dt}: its directory vanished; it is rebuilt by countinghouse build\n"
    )
    return folder


def _restore(
    settings: Settings,
    session: "SparkSession",
    spec: TableSpec,
    expected: Mapping[str, Path],
    busy: Collection[str],
) -> list[str]:
    name = spec.name
    missing = not session.catalog.tableExists(name)
    metastore.ensure_table(session, spec, pointers.empty_directory(settings, name))
    relative = {
        dt: str(path.relative_to(settings.warehouse))
        for dt, path in expected.items()
        if dt not in busy
    }
    wrong = pointers.wrong_pointers(settings, session, spec, relative)
    extra: set[str] = set()
    if spec.partitioned:
        extra = metastore.partitions(session, name) - set(expected) - set(busy)
        for dt in sorted(extra):
            session.sql(f"ALTER TABLE {name} DROP PARTITION (dt='{dt}')")
    if wrong:
        metastore.point(session, spec, {dt: expected[dt] for dt in wrong})
    if not (missing or wrong or extra):
        return []
    what = f"{name}: restored {len(wrong)} pointers, dropped {len(extra)} that nobody published"
    notifier(settings).notify(
        Alert(
            table=name,
            partition=", ".join(sorted([*wrong, *extra])[:5]),
            rule="metastore equals ledger",
            rows=len(wrong) + len(extra),
            sample="table was missing" if missing else "",
            command="countinghouse history " + name,
            message=what,
            severity="warn",
        ),
    )
    return [what]
