"""Moves the pointers of a decided publication set, and logs the set in storage."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from countinghouse.errors import CountinghouseError
from countinghouse.failpoints import reach
from countinghouse.ledger import pointer_log, publications, published
from countinghouse.ledger.publications import DecidedSet
from countinghouse.names import WHOLE
from countinghouse.planning.planner import Partition
from countinghouse.publishing import metastore
from countinghouse.publishing.version import Version, write_confirmed, write_json
from countinghouse.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

POINTER_LOG = "pointers"
RELEASE = "release-"


def log_set(settings: Settings, ledger: sa.Engine, set_id: str) -> None:
    """Append the set to the pointer log, from which catalog and ledger can be rebuilt."""
    content = pointer_log.export_set(ledger, set_id)
    write_json(settings.warehouse / POINTER_LOG / f"{set_id}.json", content)


def unknown_sets(settings: Settings, ledger: sa.Engine) -> list[Path]:
    """Sets in the pointer log that the ledger does not know: it is older than its warehouse."""
    logged = (settings.warehouse / POINTER_LOG).glob("*.json")
    known = publications.set_ids(ledger)
    return sorted(f for f in logged if f.stem not in known and not f.name.startswith(RELEASE))


def log_confirmed(settings: Settings, ledger: sa.Engine, versions: Sequence[Version]) -> None:
    """Keep what a rebuild confirmed beside the published version: its code and inputs of today."""
    current = published.locations(ledger, [(v.table, v.dt) for v in versions])
    for version in versions:
        write_confirmed(settings.warehouse / current[version.table][version.dt].path, version)


def log_release(settings: Settings, table: str, dt: str, epoch: int) -> None:
    """Append to the pointer log that the hold which came with this epoch has ended."""
    name = f"{RELEASE}{table}-{dt}-{epoch}.json"
    content = {"released": {"table_name": table, "dt": dt, "epoch": epoch}}
    write_json(settings.warehouse / POINTER_LOG / name, content)


def project(
    settings: Settings, ledger: sa.Engine, session: "SparkSession", decided: DecidedSet
) -> None:
    """Point the metastore at the set's versions: tables in dependency order.

    A table that vanished, or that somebody put another one in the place of, is made anew with all
    that is published of it.
    """
    registered = metastore.registered(session, decided.locations)
    for table in decided.tables_in_order:
        spec, known = decided.tables[table], registered.get(table)
        locations = {
            dt: settings.warehouse / location
            for (name, dt), location in decided.locations.items()
            if name == table
        }
        if not metastore.is_declared(known, spec):
            if known and not metastore.fits(known, spec):
                metastore.drop(session, table, aside(settings, table))
                known = None
            if metastore.ensure_table(session, spec, first_place(settings, spec, locations)):
                locations = _published(settings, ledger, table) | locations
        reach("in_publish_before_pointer")
        metastore.point(session, spec, locations, known.partitions if known else None)


def _published(settings: Settings, ledger: sa.Engine, table: str) -> dict[str, Path]:
    """Directories of what is published of a table; what is lost waits for `reconcile`."""
    return {
        dt: settings.warehouse / found.path
        for dt, found in published.locations(ledger, table=table).get(table, {}).items()
        if not found.collected
    }


def read_back(settings: Settings, session: "SparkSession", decided: DecidedSet) -> None:
    """Ask the metastore for every location of the set; raises if one is not what was decided."""
    wrong = wrong_pointers(settings, session, decided.tables, decided.locations)
    if wrong:
        (table, dt), place = min(wrong.items())
        raise CountinghouseError(
            f"{len(wrong)} pointers are not where they were set, first {table} {dt}: {place}",
            remedy="countinghouse reconcile",
        )


def wrong_pointers(
    settings: Settings,
    session: "SparkSession",
    specs: Mapping[str, metastore.TableSpec],
    expected: Mapping[Partition, str],
) -> dict[Partition, Path | None]:
    """Partitions whose location differs from `expected` (relative), with what was found."""
    found = metastore.locations(session, specs, expected)
    wanted = {partition: settings.warehouse / relative for partition, relative in expected.items()}
    return {one: found.get(one) for one, place in wanted.items() if found.get(one) != place}


def aside(settings: Settings, table: str) -> Path:
    """Where a table points that is dropped with what it points at: nothing is there."""
    return settings.warehouse / "dropped" / table


def first_place(
    settings: Settings, spec: metastore.TableSpec, locations: Mapping[str, Path]
) -> Path:
    """Where a table is made: without partitions where it has its rows, or it would show none.

    With partitions in a directory that stays empty.
    """
    if not spec.partitioned and WHOLE in locations:
        return locations[WHOLE]
    folder = settings.warehouse / "empty" / spec.name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
