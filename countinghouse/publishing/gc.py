"""Collects what nothing needs: versions, directories of dead attempts, orphaned branches.

Versions are marked in the ledger first and deleted afterwards, so that a rollback never meets
half a version, and a collection that was killed is finished by the next one.
"""

import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from countinghouse import engine_session
from countinghouse.errors import CountinghouseError
from countinghouse.failpoints import reach
from countinghouse.ledger import garbage, open_ledger, published
from countinghouse.ledger.garbage import Keep
from countinghouse.publishing import branch, pointers, reconcile
from countinghouse.publishing.version import DIRECTORY
from countinghouse.settings import Settings


@dataclass(frozen=True)
class Garbage:
    """Something to delete: `version`, `leftover`, `grave` or `branch`, by path or schema."""

    kind: str
    name: str
    bytes: int


def collect(settings: Settings, *, dry_run: bool = True) -> list[Garbage]:
    """What can be collected now; it is deleted unless `dry_run`."""
    ledger = open_ledger(settings)
    _refuse_if_behind(settings, ledger)
    keep = Keep(settings.rollback_depth, settings.gc_grace_seconds)
    if not dry_run:
        reconcile.finish_crashes(settings)
        _mark(ledger, keep)
    found = [*_directories(settings, ledger, keep), *_graves(settings, ledger)]
    branches = _branches(settings, ledger, keep, delete=not dry_run)
    if not dry_run:
        _delete(settings, found)
    return [*found, *branches]


def _refuse_if_behind(settings: Settings, ledger: sa.Engine) -> None:
    """A ledger restored from an old backup would take newer versions for garbage."""
    unknown = pointers.unknown_sets(settings, ledger)
    if unknown:
        raise CountinghouseError(
            f"the pointer log has {len(unknown)} publication sets that the ledger does not know, "
            f"first {unknown[0].name}; nothing is collected",
            remedy="countinghouse ledger catch-up",
        )


def _mark(ledger: sa.Engine, keep: Keep) -> None:
    with ledger.begin() as connection:
        chosen = [item.version_id for item in garbage.unneeded(connection, keep)]
        garbage.mark_collected(connection, keep, chosen)


def _directories(settings: Settings, ledger: sa.Engine, keep: Keep) -> list[Garbage]:
    # Listed before the ledger is asked: an attempt is in the ledger before it has a directory.
    roots = sorted((settings.warehouse / DIRECTORY).glob("*"))
    with ledger.connect() as connection:
        in_use = garbage.attempts_in_use(connection, keep)
        versions = {item.location for item in garbage.unneeded(connection, keep)}
        kept = garbage.kept_locations(connection) - versions
        known = garbage.known_locations(connection)
    return [
        Garbage("version" if name in known else "leftover", name, _bytes(path))
        for root in roots
        if root.name not in in_use
        for path in _not_kept(root, settings.warehouse, kept)
        for name in [str(path.relative_to(settings.warehouse))]
    ]


def _not_kept(root: Path, warehouse: Path, kept: Collection[str]) -> Iterator[Path]:
    for table in sorted(root.iterdir()):
        if str(table.relative_to(warehouse)) in kept:
            continue
        partitions = [p for p in table.iterdir() if p.is_dir()] if table.is_dir() else []
        useless = [p for p in partitions if str(p.relative_to(warehouse)) not in kept]
        yield from sorted(useless) if len(useless) < len(partitions) else [table]


def _graves(settings: Settings, ledger: sa.Engine) -> list[Garbage]:
    """Directories that stood in for lost versions which have been built again since."""
    lost = {
        (table, dt)
        for table, partitions in published.locations(ledger).items()
        for dt, found in partitions.items()
        if found.collected
    }
    return [
        Garbage("grave", str(path.relative_to(settings.warehouse)), _bytes(path))
        for path in sorted((settings.warehouse / "lost").glob("*/dt=*"))
        if (path.parent.name, path.name.removeprefix("dt=")) not in lost
    ]


def _branches(settings: Settings, ledger: sa.Engine, keep: Keep, *, delete: bool) -> list[Garbage]:
    session = engine_session.open_session(settings, name="gc")
    try:
        schemas = [row[0] for row in session.sql("SHOW DATABASES LIKE 'branch_*'").collect()]
        with ledger.connect() as connection:
            in_use = garbage.attempts_in_use(connection, keep)
        orphans = sorted(set(schemas) - {branch.branch_schema(attempt) for attempt in in_use})
        for schema in orphans if delete else ():
            branch.drop(session, schema)
    finally:
        session.stop()
    return [Garbage("branch", schema, 0) for schema in orphans]


def _delete(settings: Settings, found: Collection[Garbage]) -> None:
    for item in found:
        path = settings.warehouse / item.name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        reach("mid_gc")
        _drop_empty(path.parent, settings.warehouse)


def _drop_empty(folder: Path, warehouse: Path) -> None:
    """Remove directories that have become empty, up to the folder of all attempts."""
    while len(folder.relative_to(warehouse).parts) > 1 and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _bytes(path: Path) -> int:
    if not path.is_dir():
        return path.stat().st_size
    return sum(
        (Path(folder) / name).stat().st_size for folder, _, names in os.walk(path) for name in names
    )
