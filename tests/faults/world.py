"""Two tables that are published together, and how to do it in a process that dies or freezes.

The rows of version N are all N, and there are N more of them than at the start: a reader who sees
parts of two versions cannot miss it.
"""

import os
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from countinghouse.engine_session import open_session
from countinghouse.failpoints import reach
from countinghouse.names import WHOLE
from countinghouse.planning.model_graph import Column
from countinghouse.planning.planner import Partition
from countinghouse.publishing import metastore, publication
from countinghouse.publishing.publication import Batch, Verdict, Work
from countinghouse.publishing.reconcile import reconcile
from countinghouse.publishing.version import Version, location
from countinghouse.settings import Settings, load
from tests import harness

DTS = ("2026-01-01", "2026-01-02", "2026-01-03")
# In the order in which a run comes by.
POINTS = (
    "after_claim",
    "mid_write",
    "after_manifest",
    "after_audit",
    "before_publish",
    "after_decide",
    "in_publish_before_pointer",
    "in_publish_after_pointer",
    "before_complete",
    "after_complete",
)
DECIDED = POINTS.index("after_decide")
_FILES = 3


@dataclass(frozen=True)
class Pair:
    """A partitioned and an unpartitioned table of one publication set."""

    name: str = field(default_factory=lambda: f"f{uuid.uuid4().hex[:10]}")
    dts: Sequence[str] = DTS

    @property
    def daily(self) -> str:
        return f"marts.{self.name}_daily"

    @property
    def whole(self) -> str:
        return f"marts.{self.name}_whole"

    @property
    def partitions(self) -> list[Partition]:
        return [*((self.daily, dt) for dt in self.dts), (self.whole, WHOLE)]


def rows_of(value: int) -> list[int]:
    """Content of version `value` of every partition."""
    return [value] * (30 + value)


def publish(
    settings: Settings,
    pair: Pair,
    value: int,
    *,
    run_id: str = "test",
    partitions: Sequence[Partition] | None = None,
    more: Sequence[Column] = (),
) -> list[Version]:
    """Publish version `value` of the pair as one set; columns `more` hold the value as well."""
    chosen = pair.partitions if partitions is None else partitions
    with harness.claimed(settings, chosen, run_id=run_id) as work:
        written = [_write(work, table, dt, value, more) for table, dt in chosen[:2]]
        reach("mid_write")
        written += [_write(work, table, dt, value, more) for table, dt in chosen[2:]]
        batch = Batch(
            written,
            {table: spec(table, pair.whole, more) for table, _ in chosen},
            events=lambda changed: [{"topic": run_id, "payload": {"versions": len(changed)}}],
        )
        publication.manifest(work, written)
        verdicts = {(v.table, v.dt): Verdict(True) for v in written}
        return publication.publish(work, batch, publication.audit(work, batch, verdicts))


def spec(table: str, whole: str, more: Sequence[Column] = ()) -> metastore.TableSpec:
    """How the metastore shows a table of the pair."""
    plain = harness.spec(table, partitioned=table != whole)
    last = [c for c in plain.columns if c.name == "dt"]
    columns = [c for c in plain.columns if c.name != "dt"]
    return metastore.TableSpec(table, (*columns, *more, *last), plain.comment, plain.partitioned)


def _write(work: Work, table: str, dt: str, value: int, more: Sequence[Column]) -> Version:
    rows = rows_of(value)
    place = location(work.attempt.attempt_id, table, dt)
    folder = work.settings.warehouse / place
    folder.mkdir(parents=True)
    for number in range(_FILES):
        part = pa.array(rows[number::_FILES], pa.int64())
        names = ["n", "amount_minor", *(c.name for c in more)]
        pq.write_table(pa.table(dict.fromkeys(names, part)), folder / f"part-{number}.parquet")
    return work.version(table, dt, harness.content(rows), fingerprint="numbers", inputs=())


def shown(session: Any, pair: Pair) -> dict[str, int]:
    """The version that a reader sees of each partition; fails if it is not whole."""
    found = {}
    for table, rows in ((pair.daily, "dt"), (pair.whole, f"'{WHOLE}'")):
        query = f"select {rows}, count(*), min(n), max(n) from {table} group by 1"
        for dt, count, least, most in session.sql(query).collect():
            assert (count, least) == (30 + most, most), f"{table} {dt}: {count}, {least}..{most}"
            found[dt] = most
    return found


def counted(settings: Settings, pair: Pair) -> dict[str, int]:
    """Rows that are lost, doubled or invented in what a reader sees of the pair now.

    Each partition is compared with all rows of the version that its greatest row names.
    """
    session = open_session(settings, name="counting")
    found: dict[str, Counter[int]] = {}
    try:
        for table, rows in ((pair.daily, "dt"), (pair.whole, f"'{WHOLE}'")):
            if session.catalog.tableExists(table):
                query = f"select {rows}, n, count(*) from {table} group by 1, 2"
                for dt, n, count in session.sql(query).collect():
                    found.setdefault(f"{table} {dt}", Counter())[n] += count
    finally:
        session.stop()
    figures = Counter({"lost": 0, "doubled": 0, "invented": 0})
    for rows_found in found.values():
        expected = Counter(rows_of(max(rows_found)))
        more = rows_found - expected
        figures["lost"] += (expected - rows_found).total()
        figures["doubled"] += sum(count for n, count in more.items() if n in expected)
        figures["invented"] += sum(count for n, count in more.items() if n not in expected)
    return dict(figures)


def publish_in_child(
    outcome: Any, pair: Pair, value: int, run_id: str, failpoint: str, gate: str
) -> None:
    """Publish as a process of its own; `outcome` is told how it ended."""
    if failpoint:
        os.environ["COUNTINGHOUSE_FAILPOINT"] = failpoint
    if gate:
        _hold_pointers(gate)
    try:
        publish(load(), pair, value, run_id=run_id)
        outcome.send("published")
    except Exception as error:
        outcome.send(f"{type(error).__name__}: {error}")


def reconcile_in_child(outcome: Any, failpoint: str) -> None:
    """Reconcile as a process of its own."""
    os.environ["COUNTINGHOUSE_FAILPOINT"] = failpoint
    reconcile(load())
    outcome.send("reconciled")


def _hold_pointers(gate: str) -> None:
    """Let the engine hold each pointer statement back until there is a file in `gate`/open."""
    from pyspark.sql.connect.session import SparkSession

    send = SparkSession.sql

    def queued(session: Any, query: str, *rest: Any, **named: Any) -> Any:
        if "SET LOCATION" not in query:
            return send(session, query, *rest, **named)
        script = (
            f"BEGIN INSERT OVERWRITE DIRECTORY '{gate}/sent' USING json SELECT 1 AS sent; "
            f"WHILE (SELECT count(*) FROM text.`{gate}/open`) = 0 DO "
            "SELECT reflect('java.lang.Thread', 'sleep', 300L); END WHILE; "
            f"{query}; END"
        )
        return send(session, script, *rest, **named)

    SparkSession.sql = queued
