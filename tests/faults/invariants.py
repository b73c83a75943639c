"""What must hold of everything that is published, whatever has happened: I1, I2, I3, I5 and I6.

I4, a run again changes nothing, I7, the sums, and I8, no secrets, need more than a look: they are
in the tests of runs, of conservation and of secrets.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from countinghouse.ledger import open_ledger, published, tables
from countinghouse.names import WHOLE
from countinghouse.publishing import metastore_db
from countinghouse.publishing.version import broken, has_passed, read_manifest
from countinghouse.settings import Settings


def violated(
    settings: Settings, session: Any, of: Callable[[str], bool] = lambda table: True
) -> list[str]:
    """Each violation, by invariant, table and partition; `of` says which tables to look at."""
    ledger = open_ledger(settings)
    found = list(_epochs(ledger, of))
    registered = metastore_db.everything(session)
    for table, places in published.locations(ledger).items():
        if not of(table):
            continue
        shown = registered.get(table)
        for dt, place in places.items():
            folder = settings.warehouse / place.path
            where = f"{table} {dt} at {place.path}"
            if not folder.is_dir():
                found.append(f"I6 {where}: its directory is gone")
                continue
            if problem := broken(settings.warehouse, read_manifest(folder)):
                found.append(f"I1 {where}: {problem}")
            if not has_passed(folder):
                found.append(f"I5 {where}: it has not passed an audit")
            at = shown and (shown.location if dt == WHOLE else shown.partitions.get(dt))
            if at != folder:
                found.append(f"I3 {where}: readers are sent to {at}")
        if shown and (more := shown.partitions.keys() - places.keys()):
            found.append(f"I3 {table}: readers see {sorted(more)}, which nobody published")
    return found


def _epochs(ledger: sa.Engine, of: Callable[[str], bool]) -> Iterator[str]:
    """Of each partition the epochs of its publications rise, up to that of its pointer."""
    made, shown = tables.publications.c, tables.pointers.c
    columns = (made.table_name, made.dt, made.epoch, made.publication_id)
    with ledger.connect() as connection:
        query = sa.select(*columns).order_by(made.table_name, made.dt, made.publication_id)
        rows = connection.execute(query).all()
        pointers = sa.select(shown.table_name, shown.dt, shown.epoch)
        newest = {(table, dt): epoch for table, dt, epoch in connection.execute(pointers)}
    for one, next_one in pairwise(rows):
        if one[:2] == next_one[:2] and one.epoch >= next_one.epoch and of(one.table_name):
            yield f"I2 {one.table_name} {one.dt}: epoch {next_one.epoch} after {one.epoch}"
    for table, dt, epoch, _ in {row[:2]: row for row in rows}.values():
        if newest.get((table, dt)) != epoch and of(table):
            yield f"I2 {table} {dt}: its pointer is not that of its last publication, {epoch}"
