"""A tiny world for tests: publishes tables of numbers by the real publication list.

Also a command, so that a test can kill or freeze the process that publishes:
`python tests/harness.py publish marts.numbers '{"2026-01-01": [1, 2, 3]}' run-1`
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from countinghouse.ledger import open_ledger
from countinghouse.names import WHOLE
from countinghouse.planning.model_graph import Column
from countinghouse.planning.planner import Input, Partition
from countinghouse.publishing import publication
from countinghouse.publishing.content_digest import PartitionDigest, digest_rows
from countinghouse.publishing.metastore import TableSpec
from countinghouse.publishing.publication import Batch, Verdict, Work
from countinghouse.publishing.version import Version, location
from countinghouse.settings import Settings, load

Numbers = Mapping[str, Sequence[int]]
COLUMNS = (
    Column("n", "bigint", "A number."),
    Column("amount_minor", "bigint", "As many cents as the number says, USD."),
    Column("dt", "string", "Partition."),
)


def publish_numbers(
    settings: Settings,
    table: str,
    numbers: Numbers,
    *,
    run_id: str = "test",
    passed: bool = True,
    inputs: Sequence[Input] = (),
    slices: Mapping[str, Mapping[str, object]] | None = None,
) -> list[Version]:
    """Publish one version per date (`all`: unpartitioned) and return those with new content.

    `passed=False` lets the gate fail; `slices` makes the dates look like raw partitions.
    """
    with claimed(settings, [(table, dt) for dt in numbers], run_id=run_id) as work:
        versions = [
            write_numbers(work, table, dt, rows, inputs=inputs, slices=(slices or {}).get(dt))
            for dt, rows in numbers.items()
        ]
        batch = Batch(versions, {table: spec(table, partitioned=WHOLE not in numbers)})
        publication.manifest(work, versions)
        verdicts = {(v.table, v.dt): Verdict(passed) for v in versions}
        return publication.publish(work, batch, publication.audit(work, batch, verdicts))


@contextmanager
def claimed(
    settings: Settings, partitions: Sequence[Partition], *, run_id: str = "test"
) -> Iterator[Work]:
    """An attempt that has claimed these partitions."""
    with publication.claim(
        settings,
        open_ledger(settings),
        kind="build",
        scope="numbers",
        run_id=run_id,
        choose=lambda connection, living: partitions,
    ) as work:
        yield work


def write_numbers(
    work: Work,
    table: str,
    dt: str,
    rows: Sequence[int],
    *,
    inputs: Sequence[Input] = (),
    slices: Mapping[str, object] | None = None,
) -> Version:
    """Write the data of one version, without its manifest; no rows means no file."""
    place = location(work.attempt.attempt_id, table, dt)
    folder = work.settings.warehouse / place
    folder.mkdir(parents=True)
    if rows:
        data = {"n": list(rows), "amount_minor": list(rows)}
        fields = [("n", pa.int64()), ("amount_minor", pa.int64())]
        pq.write_table(pa.table(data, pa.schema(fields)), folder / "part-0.parquet")
    return work.version(
        table, dt, content(rows), fingerprint="numbers", inputs=tuple(inputs), slices=slices
    )


def content(rows: Sequence[int]) -> PartitionDigest:
    """What a partition of these numbers holds."""
    digest = digest_rows([{"n": n, "amount_minor": n} for n in rows], COLUMNS[:2])
    return replace(digest, money={"amount USD": sum(rows)} if rows else {})


def digest_of(rows: Sequence[int]) -> str:
    """The content digest that publishing these numbers gives."""
    return content(rows).digest


def spec(table: str, *, partitioned: bool = True) -> TableSpec:
    """How the metastore shows a table of numbers."""
    return TableSpec(table, COLUMNS if partitioned else COLUMNS[:2], "Numbers.", partitioned)


def read_numbers(session: object, table: str) -> dict[str, list[int]]:
    """What a reader sees now, by partition."""
    frame = session.table(table)  # type: ignore[attr-defined]
    found: dict[str, list[int]] = {}
    for row in frame.collect():
        found.setdefault(row["dt"] if "dt" in frame.columns else WHOLE, []).append(row["n"])
    return {dt: sorted(numbers) for dt, numbers in found.items()}


if __name__ == "__main__":
    _, _, name, numbers, run = sys.argv
    done = publish_numbers(load(), name, json.loads(numbers), run_id=run)
    print(json.dumps([version.version_id for version in done]))
