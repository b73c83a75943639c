"""Watchers of tables of any content, over Thrift and Connect.

What they saw of a partition is compared with the versions that were published of it, computed from
their files: it must be one of them, and never an older one than before.
"""

import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from countinghouse.engine_session import open_session
from countinghouse.ledger import open_ledger, tables
from countinghouse.names import WHOLE
from countinghouse.settings import Settings
from tests.faults.kinds import TABLES, UNPARTITIONED
from tests.faults.readers import Connect, Thrift

# Lines of a day in the one and in the other: a query may meet one new and one old.
LINES = (
    "select dt, sum(facts), sum(reported) from ("
    "select dt, count(*) as facts, 0 as reported from marts.fct_order_lines group by dt "
    "union all select dt, 0, sum(line_count) from marts.rpt_sales_daily group by dt) group by dt"
)
Figures = tuple[int, str]
# By partition; None is what was before the first, and a version without rows.
History = dict[str, list[Figures | None]]
# Seconds between two queries: what is watched has the same two cores.
_PAUSE = 0.3


@dataclass
class Watcher:
    """Reads every table in a loop over one door, and remembers what it saw."""

    settings: Settings
    door: Callable[[Settings], Any]
    queries: dict[str, str]
    reads: int = 0
    mixed: int = 0
    gap: float = 0.0
    errors: list[str] = field(default_factory=list)
    # Of each table, what a query showed of its partitions, whenever that was something else.
    seen: dict[str, list[dict[str, Figures]]] = field(default_factory=lambda: defaultdict(list))
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._loop, name="watcher")
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(60)

    def wait_for_a_look_at_all(self, *, seconds: float = 120) -> None:
        """Return when each table has been read once more; a read may be under way."""
        wanted, end = self.reads + len(self.queries) + 2, time.monotonic() + seconds
        while self.reads < wanted and time.monotonic() < end:
            time.sleep(0.05)
        assert self.reads >= wanted, f"no look in {seconds:g} s: {self.errors[-3:]}"

    def _loop(self) -> None:
        session, answered = None, time.monotonic()
        for table in itertools.cycle([*self.queries, ""]):
            if self._stop.wait(_PAUSE):
                break
            try:
                session = session or self.door(self.settings)
                if table:
                    self._look(session, table)
                else:
                    self.mixed += any(a != b for _, a, b in session.ask(LINES))
                self.reads += 1
                now = time.monotonic()
                self.gap, answered = max(self.gap, now - answered), now
            except Exception as error:
                # A query may fail while the engine is replaced; it may not answer wrongly.
                self.errors.append(str(error)[:300])
                if session is not None:
                    session.forget()
                session = None
                self._stop.wait(0.3)
        if session is not None:
            session.close()

    def _look(self, session: Any, table: str) -> None:
        rows = session.ask(self.queries[table])
        found = {dt: (int(count), str(hashes)) for dt, count, hashes in rows}
        if self.seen[table][-1:] != [found]:
            self.seen[table].append(found)


def watchers(settings: Settings) -> list[Watcher]:
    """One over Connect and one over Thrift."""
    session = open_session(settings, name="test")
    queries = {table: _query(table, _columns(session, table)) for table in TABLES}
    session.stop()
    return [Watcher(settings, door, queries) for door in (Connect, Thrift)]


def histories(settings: Settings) -> dict[str, History]:
    """Of each table and partition the figures of all versions, in the order of publication."""
    session = open_session(settings, name="test")
    found = {table: _history(settings, session, table) for table in TABLES}
    session.stop()
    return found


def torn(published: Mapping[str, History], watched: Sequence[Watcher]) -> list[str]:
    """What watchers saw that is no version of a partition, or an older one than before."""
    found = []
    for table, history in published.items():
        for watcher in watched:
            at: dict[str, int] = {}
            for shown in watcher.seen[table]:
                for day in {*history, *shown}:
                    place = _place(history.get(day, [None]), shown.get(day), at.get(day, 0))
                    if place is None:
                        where = f"{table} {day} over {watcher.door.__name__}"
                        found.append(f"{where}: {shown.get(day)} after {at.get(day, 0)}")
                    else:
                        at[day] = place
    return found


def _place(history: Sequence[Figures | None], shown: Figures | None, since: int) -> int | None:
    """Which of the versions from `since` on is shown."""
    return next((n for n in range(since, len(history)) if history[n] == shown), None)


def _history(settings: Settings, session: Any, table: str) -> History:
    publications, versions = tables.publications.c, tables.versions.c
    query = (
        sa.select(publications.dt, versions.location, versions.rows)
        .join(tables.versions, versions.version_id == publications.version_id)
        .where(publications.table_name == table)
        .order_by(publications.epoch)
    )
    with open_ledger(settings).connect() as connection:
        made = connection.execute(query).all()
    folders = [str(settings.warehouse / place) for _, place, rows in made if rows]
    files = session.read.option("recursiveFileLookup", "true").parquet(*folders)
    columns = _columns(session, table)
    grouped = files.selectExpr("_metadata.file_path as _file", f"{_hash(columns)} as _hash")
    grouped = grouped.selectExpr("regexp_replace(_file, '(^file:/+)|(/[^/]*$)', '') as f", "_hash")
    figures = {
        f"/{folder}": (count, str(hashes))
        for folder, count, hashes in grouped.groupBy("f")
        .agg({"*": "count", "_hash": "sum"})
        .selectExpr("f", "`count(1)`", "`sum(_hash)`")
        .collect()
    }
    found: History = defaultdict(lambda: [None])
    for dt, place, rows in made:
        found[dt].append(figures[str(settings.warehouse / place)] if rows else None)
    return found


def _columns(session: Any, table: str) -> list[str]:
    return [name for name in session.table(table).columns if name != "dt"]


def _hash(columns: Sequence[str]) -> str:
    return f"cast(xxhash64(to_json(struct({', '.join(columns)}))) as decimal(38,0))"


def _query(table: str, columns: Sequence[str]) -> str:
    partition = f"'{WHOLE}'" if table in UNPARTITIONED else "dt"
    return f"select {partition}, count(*), sum({_hash(columns)}) from {table} group by 1"
