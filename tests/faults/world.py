"""Two tables that are published together, and a command to kill or freeze who publishes them.

`python tests/faults/world.py NAME VALUE RUN`; the rows of version VALUE are all VALUE, so that a
reader who sees parts of two versions cannot miss it.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import harness
import pyarrow as pa
import pyarrow.parquet as pq

from countinghouse import publication
from countinghouse.failpoints import reach
from countinghouse.names import WHOLE
from countinghouse.planner import Partition
from countinghouse.publication import Batch, Verdict, Work
from countinghouse.settings import Settings, load
from countinghouse.version import Version, data_files, location

DTS = ("2026-01-01", "2026-01-02", "2026-01-03")
_FILES = 3


@dataclass(frozen=True)
class Pair:
    """A partitioned and an unpartitioned table of one publication set."""

    name: str

    @property
    def daily(self) -> str:
        return f"marts.{self.name}_daily"

    @property
    def whole(self) -> str:
        return f"marts.{self.name}_whole"

    @property
    def partitions(self) -> list[Partition]:
        return [*((self.daily, dt) for dt in DTS), (self.whole, WHOLE)]


def rows_of(value: int) -> list[int]:
    """Content of version `value` of every partition: as many rows more as it is newer."""
    return [value] * (30 + value)


def publish(settings: Settings, pair: Pair, value: int, *, run_id: str = "test") -> list[Version]:
    """Publish version `value` of both tables as one set, the way every run does."""
    with harness.claimed(settings, pair.partitions, run_id=run_id) as work:
        versions = write(work, pair.partitions, value)
        batch = Batch(
            versions,
            {
                pair.daily: harness.spec(pair.daily),
                pair.whole: harness.spec(pair.whole, partitioned=False),
            },
            events=lambda changed: [{"topic": run_id, "payload": {"versions": len(changed)}}],
        )
        publication.manifest(work, versions)
        verdicts = {(v.table, v.dt): Verdict(True) for v in versions}
        return publication.publish(work, batch, publication.audit(work, batch, verdicts))


def write(work: Work, partitions: Sequence[Partition], value: int) -> list[Version]:
    """Write version `value` of the partitions, each in several files."""
    versions = [_write_one(work, table, dt, rows_of(value)) for table, dt in partitions[:2]]
    reach("mid_write")
    return versions + [_write_one(work, table, dt, rows_of(value)) for table, dt in partitions[2:]]


def _write_one(work: Work, table: str, dt: str, rows: Sequence[int]) -> Version:
    place = location(work.attempt.attempt_id, table, dt)
    folder = work.settings.warehouse / place
    folder.mkdir(parents=True)
    for number in range(_FILES):
        part = pa.array(rows[number::_FILES], pa.int64())
        table_of_part = pa.table({"n": part, "amount_minor": part})
        pq.write_table(table_of_part, folder / f"part-{number}.parquet")
    return Version(
        version_id=f"{work.attempt.attempt_id}/{table}/{dt}",
        table=table,
        dt=dt,
        attempt_id=work.attempt.attempt_id,
        location=place,
        rows=len(rows),
        digest=harness.digest_of(rows),
        money={"amount USD": sum(rows)},
        fingerprint="numbers",
        inputs=(),
        files=data_files(folder),
    )


if __name__ == "__main__":
    _, name, value, run = sys.argv
    published = publish(load(), Pair(name), int(value), run_id=run)
    print(f"published {len(published)}")
