"""Finishes what a crash left, and makes the metastore say what the ledger says."""

import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from countinghouse import engine_session, names
from countinghouse.errors import CountinghouseError, EngineUnavailable
from countinghouse.ledger import attempts, open_ledger, publications, published
from countinghouse.ledger.published import Location
from countinghouse.ledger.state import busy
from countinghouse.ledger.tables import attempts as attempt_rows
from countinghouse.ledger.tables import publication_sets
from countinghouse.notifier import Alert, command_for, notifier
from countinghouse.planning.planner import Partition
from countinghouse.publishing import catalog_check, metastore, pointers, publication
from countinghouse.publishing.catalog_check import Difference
from countinghouse.publishing.metastore import TableSpec
from countinghouse.publishing.publication import Work
from countinghouse.publishing.version import (
    DIRECTORY,
    broken,
    data_files,
    has_passed,
    read_manifest,
)
from countinghouse.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)
T = TypeVar("T")
Choose = Callable[[sa.Connection, frozenset[str]], Iterable[Partition]]
_ENGINE_SECONDS = 120
_ENGINE_DEATHS = 2


def reconcile(settings: Settings, *, full: bool = True) -> list[str]:
    """Finish crashes, check every published directory, repair pointers; return what was done.

    Without `full` the metastore is asked only when there was something to do.
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
    """Fence dead attempts and roll forward what they had decided; every claimant does so first.

    What another is rolling forward is waited for: until then nobody sees what it has published, and
    whoever plans would find nothing to do.
    """
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
    for set_id in _abandoned_sets(ledger):
        free = _rolled_forward(settings, ledger, set_id)
        # Again if whoever was at it has died of it.
        while not free and _waited_for_another(settings, ledger, set_id):
            free = _rolled_forward(settings, ledger, set_id)
        if free:
            done.append(f"rolled publication set {set_id} forward")
    return done


def surviving(settings: Settings, step: Callable[[], T]) -> T:
    """Do `step`, and again when the engine dies under it: what it had decided is finished first."""
    for _ in range(_ENGINE_DEATHS):
        try:
            return step()
        except EngineUnavailable as died:
            log.warning("%s; starting again once it is healthy", died.message)
            finish_crashes(settings)
    return step()


def _rolled_forward(settings: Settings, ledger: sa.Engine, set_id: str) -> bool:
    """Finish an abandoned set under claims of its own, so that this can be fenced as well."""
    free = False

    def choose(_: sa.Connection, living: frozenset[str]) -> Collection[Partition]:
        nonlocal free
        with ledger.connect() as connection:
            taken = attempts.claimed(connection, living)
        decided = publications.load_set(ledger, set_id)
        mine = decided.locations.keys() if decided else set()
        free = decided is not None and taken.isdisjoint(mine)
        return mine if free else ()

    with _claim(settings, ledger, _scope(set_id), choose) as work:
        if free:
            pointers.log_set(settings, ledger, set_id)
            publication.roll_forward_surviving(work, set_id)
    return free


def _waited_for_another(settings: Settings, ledger: sa.Engine, set_id: str) -> bool:
    """Whether a living attempt rolled the set forward, after its end.

    One that builds the same partitions anew is not waited for.
    """
    waited = False
    mine = sa.select(attempt_rows.c.attempt_id).where(attempt_rows.c.scope == _scope(set_id))
    end = time.monotonic() + _ENGINE_SECONDS
    while time.monotonic() < end:
        with ledger.connect() as connection:
            living = attempts.living(connection, lease_seconds=settings.lease_seconds)
            if living.isdisjoint(connection.execute(mine).scalars()):
                return waited
        waited = True
        time.sleep(0.2)
    return False


def _scope(set_id: str) -> str:
    return f"publication set {set_id}"


def _claim(
    settings: Settings, ledger: sa.Engine, scope: str, choose: Choose
) -> AbstractContextManager[Work]:
    run_id = f"reconcile-{uuid.uuid4().hex[:8]}"
    return publication.claim(
        settings, ledger, kind="reconcile", scope=scope, run_id=run_id, choose=choose
    )


def _abandoned_sets(ledger: sa.Engine) -> list[str]:
    still_open = sa.select(attempt_rows.c.attempt_id).where(attempt_rows.c.state == "open")
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
    """Alert on published directories that are not what their manifests say; mark them stale.

    A directory that is whole again, restored from a backup, is published again.
    """
    done = []
    locations = published.locations(ledger)
    if locations and not (settings.warehouse / DIRECTORY).is_dir():
        raise CountinghouseError(
            f"{settings.warehouse / DIRECTORY} is not there, with every published partition",
            remedy="mount or restore the warehouse; nothing is marked as lost until then",
        )
    for name, partitions in locations.items():
        for dt, found in partitions.items():
            if found.collected:
                if _whole(settings, found):
                    published.mark_found(ledger, found.version_id)
                    done.append(f"{name} {dt}: {found.path} is whole again")
                continue
            why = _lost(settings, found)
            if why:
                done.append(f"{name} {dt}: {why}")
                _report_lost(settings, ledger, name, dt, found, why)
    return done


def repair(settings: Settings, ledger: sa.Engine, session: "SparkSession") -> list[str]:
    """Let the metastore say what the ledger says, table by table."""
    with ledger.connect() as connection:
        tables = _tables(settings, connection)
    done = []
    for name, suspected in catalog_check.differences(settings, session, tables).items():
        try:
            done += _restore(settings, ledger, name, suspected)
        except Exception as error:
            # The other tables are restored all the same.
            done.append(f"{name}: not restored: {engine_session.message_of(error)}")
    return done


def _tables(
    settings: Settings, connection: sa.Connection
) -> dict[str, tuple[TableSpec, dict[str, Path]]]:
    """Every published table and the directories that its readers must read."""
    locations = published.locations(connection)
    return {
        spec.name: (spec, directories(settings, spec.name, locations[spec.name]))
        for spec in published.table_specs(connection).values()
        if locations.get(spec.name)
    }


def directories(
    settings: Settings, table: str, locations: Mapping[str, Location]
) -> dict[str, Path]:
    """What readers of a table must read, by partition: for a lost one, a file that is an error."""
    return {
        dt: _grave(settings, table, dt) if found.collected else settings.warehouse / found.path
        for dt, found in locations.items()
    }


def _lost(settings: Settings, found: Location) -> str:
    there = data_files(settings.warehouse / found.path)
    if (len(there), sum(there.values())) == (found.files, found.bytes):
        return ""
    return (
        f"{found.path} holds {len(there)} files and {sum(there.values())} bytes, "
        f"its manifest says {found.files} and {found.bytes}"
    )


def _whole(settings: Settings, found: Location) -> bool:
    folder = settings.warehouse / found.path
    try:
        return not broken(settings.warehouse, read_manifest(folder)) and has_passed(folder)
    except FileNotFoundError:
        return False


def _report_lost(
    settings: Settings, ledger: sa.Engine, table: str, dt: str, found: Location, why: str
) -> None:
    published.mark_lost(ledger, found.version_id)
    notifier(settings).notify(
        Alert(
            table=table,
            partition=dt,
            rule="published directory equals manifest",
            sample=found.path,
            hint=f"restore the directory if there is a copy; else {table} {dt} is built again",
            command=command_for(table, dt),
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


def _restore(settings: Settings, ledger: sa.Engine, name: str, suspected: Difference) -> list[str]:
    """Put right what differs, except where a publisher is at work: it may be ahead of the ledger.

    Under claims, so that nobody publishes meanwhile and a successor can fence this.
    """
    now: list[tuple[TableSpec, dict[str, Path]]] = []
    # Partitions that no publisher can mean: nobody needs to be kept from them.
    foreign = {dt for dt in suspected.extra if not names.is_partition(dt)}

    def choose(connection: sa.Connection, living: frozenset[str]) -> Collection[Partition]:
        # Before the ledger is asked what it shows: a set that is completed between the two would be
        # at work no more, and what it has published would be undone.
        taken = {partition for partition in busy(connection, living) if partition[0] == name}
        # The table may have been published since it was suspected, in another shape.
        now[:] = [_tables(settings, connection)[name]]
        if suspected.reshaped:
            return () if taken else {(name, dt) for dt in now[0][1]}
        return {(name, dt) for dt in suspected.dts - foreign} - taken

    with _claim(settings, ledger, f"pointers of {name}", choose) as work:
        mine = {dt for _, dt in work.attempt.epochs}
        spec, everything = now[0]
        expected = {dt: place for dt, place in everything.items() if dt in mine}
        only = mine | foreign
        found = catalog_check.difference(settings, work.session, spec, expected, only=only)
        if not only or not found:
            return []
        if found.reshaped and mine != everything.keys():
            # It was reshaped since it was suspected: the next round claims all of it.
            return []
        if found.reshaped:
            metastore.drop(work.session, name, pointers.aside(settings, name))
        metastore.ensure_table(work.session, spec, pointers.first_place(settings, spec, expected))
        metastore.drop_partitions(work.session, spec, found.extra)
        metastore.point(work.session, spec, {dt: expected[dt] for dt in found.wrong})
    return [_report_restored(settings, name, found)]


def _report_restored(settings: Settings, name: str, found: Difference) -> str:
    what = (
        f"{name}: restored {len(found.wrong)} pointers, "
        f"dropped {len(found.extra)} that nobody published"
    )
    notifier(settings).notify(
        Alert(
            table=name,
            partition=", ".join(sorted(found.dts)[:5]),
            rule="metastore equals ledger",
            rows=len(found.dts),
            sample="table was missing or altered" if found.reshaped else "",
            command="countinghouse history " + name,
            message=what,
            severity="warn",
        ),
    )
    return what
