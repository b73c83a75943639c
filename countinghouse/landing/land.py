"""Land deliveries: one Spark job for all their dates, then every figure checked per delivery."""

import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.connect import functions as F
from pyspark.sql.connect.window import Window

from countinghouse.contracts import Contract
from countinghouse.deliveries import ArchivedFile, Delivery
from countinghouse.landing import pipeline
from countinghouse.landing.batch import Batch
from countinghouse.landing.columns import business_columns, quarantine_columns, raw_columns
from countinghouse.landing.formats.shape import SourceFile
from countinghouse.landing.result import LandedBatch, LandedDate
from countinghouse.landing.sample import sample
from countinghouse.landing.treatments import PII_KEY, alias
from countinghouse.planning.model_graph import Column
from countinghouse.publishing.content_digest import EMPTY, PartitionDigest, partition_digests
from countinghouse.settings import Settings

# What a task reads, and what a date holds in one file; gzip makes about a fifth of a table's text.
_BYTES_PER_TASK = 16 << 20
_BYTES_PER_SHARD = 24 << 20
# A task starts a Python process: small batches are read by one, middling ones by a few.
_WORTH_A_TASK = 256 << 10
_TASKS = 4
_SEEN = "seen"


def write_raw(
    session: SparkSession,
    settings: Settings,
    contract: Contract,
    deliveries_by_dt: Mapping[str, Sequence[Delivery]],
    attempt_root: Path,
) -> LandedBatch:
    """Write `raw.<feed>/dt=D` and `quarantine.<feed>/dt=D` below `attempt_root` for every date.

    A date with a refused delivery gets no directory; the other dates are not concerned. The
    directories must not exist before.
    """
    batch = Batch.of(settings, contract, deliveries_by_dt)
    writer = _Writer(session, settings, batch, attempt_root)
    with ThreadPoolExecutor(1, "tally") as independent:
        tallies = independent.submit(batch.tallied)
        writer.write()
        batch.note(tallies.result())
    writer.measure()
    dates = {dt: batch.date(dt, writer.quarantine) for dt in sorted(deliveries_by_dt)}
    samples = {
        position: rows
        for dt, date in dates.items()
        if date.refused
        for position, rows in sample(contract, writer.bad / f"dt={dt}").items()
    }
    writer.settle(dates)
    return LandedBatch(dates, samples)


class _Writer:
    """The Spark side of a batch: two directories, and figures read back from them."""

    def __init__(
        self, session: SparkSession, settings: Settings, batch: Batch, attempt_root: Path
    ) -> None:
        self.session = session
        self.settings = settings
        self.batch = batch
        self.raw = attempt_root / batch.contract.feed.raw
        self.bad = attempt_root / batch.contract.feed.quarantine
        self.quarantine: dict[str, PartitionDigest] = {}
        self.anything = False
        self.anything_extra = False
        self.anything_bad = False

    def write(self) -> None:
        """Write the good rows; the bad ones in a second pass, if there are any."""
        parts = _parts(self.batch)
        if not parts:
            return
        rows = self._rows(parts)
        # By name: an Observation has the plan analysed once more, in a new Python process.
        bad = F.count_if(F.expr("_reason is not null")).alias("bad")
        extra = F.count_if(F.expr("size(_extra) > 0")).alias("extra")
        good = pipeline.raw_rows(rows.observe(_SEEN, bad, extra), self.batch.contract)
        _write(good, self.raw)
        self.anything = True
        # A busy engine answers before it has all of them: what is not known is looked for.
        seen = dict(good.executionInfo.flows).get(_SEEN, {})
        self.anything_extra = bool(seen.get("extra", True))
        if seen.get("bad", True):
            self.anything_bad = True
            _write(pipeline.quarantine_rows(rows), self.bad)

    def measure(self) -> None:
        """Read back what was written: slices, reasons and money by delivery."""
        if self.anything:
            self._measure_raw()
        if self.anything_bad:
            self._measure_quarantine()

    def settle(self, dates: Mapping[str, LandedDate]) -> None:
        """Leave a directory for each landed date, also for one without rows, and no other."""
        for dt, date in dates.items():
            for root in (self.raw, self.bad):
                folder = root / f"dt={dt}"
                if date.refused:
                    shutil.rmtree(folder, ignore_errors=True)
                else:
                    folder.mkdir(parents=True, exist_ok=True)

    def _rows(self, parts: Sequence[Sequence[Mapping[str, Any]]]) -> DataFrame:
        self.settings.secret(PII_KEY)
        key = self.settings.home / "secrets" / PII_KEY
        records = pipeline.read_records(self.session, self.batch.contract, parts, key)
        return pipeline.judged(records, self.batch.contract, _shards(self.batch))

    def _read(self, folder: Path, columns: Sequence[Column]) -> DataFrame:
        # A stated schema, or `dt` would be read as a date.
        schema = ", ".join(f"`{column.name}` {column.type}" for column in columns)
        return self.session.read.schema(schema).parquet(str(folder))

    def _measure_raw(self) -> None:
        contract = self.batch.contract
        rows = self._read(self.raw, raw_columns(contract))
        digests = partition_digests(
            rows,
            business_columns(contract),
            contract.money,
            by=["_delivery", "_business_date"],
        )
        slices: dict[int, dict[str, PartitionDigest]] = {}
        for (position, day), digest in digests.items():
            slices.setdefault(position, {})[day] = digest
        self._note("slices", slices)
        self._note("rounded", _rounded(rows, contract))
        if contract.changes:
            self._note("positions", _positions(rows, contract.changes.position))
        if self.anything_extra:
            beyond = [column for column in raw_columns(contract) if column.name == "_extra"]
            digests = partition_digests(
                rows.where("size(_extra) > 0"),
                [*business_columns(contract), *beyond],
                by=["_delivery"],
            )
            self._note("extra", {at: replace(found, rows=0) for at, found in digests.items()})

    def _measure_quarantine(self) -> None:
        rows = self._read(self.bad, quarantine_columns())
        covered = [c for c in quarantine_columns() if c.name != "dt"]
        digests = partition_digests(rows, covered, by=["dt", "_delivery", "_reason"])
        reasons: dict[int, dict[str, int]] = {}
        for (dt, position, reason), digest in digests.items():
            reasons.setdefault(position, {})[reason] = digest.rows
            self.quarantine[dt] = self.quarantine.get(dt, EMPTY) + digest
        self._note("quarantined", reasons)
        if self.batch.contract.money:
            self._note("money_quarantined", _money(rows))

    def _note(self, what: str, found: Mapping[int, Any]) -> None:
        figures = self.batch.figures
        for position, value in found.items():
            figures[position] = replace(figures[position], **{what: value})


def _write(rows: DataFrame, folder: Path) -> None:
    rows.write.partitionBy("dt").parquet(str(folder))


def _parts(batch: Batch) -> list[list[dict[str, Any]]]:
    """Files in lists for one task each, of about equal size."""
    specs = [
        (file.bytes, _spec(batch, delivery, file, source))
        for delivery in batch.deliveries(readable=True)
        for file, source in batch.sources(delivery)
    ]
    total = sum(size for size, _ in specs)
    share = min(_BYTES_PER_TASK, max(_WORTH_A_TASK, total // _TASKS))
    parts: list[list[dict[str, Any]]] = []
    room = 0
    for size, spec in specs:
        if room <= 0:
            parts.append([])
            room = share
        parts[-1].append(spec)
        room -= size
    return parts


def _spec(
    batch: Batch, delivery: Delivery, file: ArchivedFile, source: SourceFile
) -> dict[str, Any]:
    inner = source.member
    if inner and not batch.contract.keeps_raw_text:
        inner = alias(batch.settings.secret(PII_KEY).encode(), inner)
    return {
        "path": str(source.path),
        "member": source.member,
        "name": f"{file.name}/{inner}" if inner else file.name,
        "dt": delivery.dt,
        "delivery": delivery.position,
        "version": delivery.version,
        "sequence": delivery.seq,
        "layout": batch.layouts[source].to_json(),
    }


def _shards(batch: Batch) -> int:
    """Files per date: one, unless the largest date is large."""
    sizes = [sum(file.bytes for d in found for file in d.files) for found in batch.by_dt.values()]
    return 1 + max(sizes, default=0) // _BYTES_PER_SHARD


def _rounded(rows: DataFrame, contract: Contract) -> dict[int, dict[str, int]]:
    columns = [column.name for column in contract.columns if column.round_within is not None]
    if not columns:
        return {}
    counts = [F.count_if(F.map_contains_key("_extra", name)).alias(name) for name in columns]
    found = rows.groupBy("_delivery").agg(*counts).collect()
    return {row["_delivery"]: {name: row[name] for name in columns if row[name]} for row in found}


def _positions(rows: DataFrame, column: str) -> dict[int, tuple[tuple[int, int], ...]]:
    """By delivery the ranges of a column without gaps."""
    numbered = rows.selectExpr("_delivery", f"`{column}` as at").distinct()
    # The distance to the rank is the same all along a range without gaps.
    rank = F.row_number().over(Window.partitionBy("_delivery").orderBy("at"))
    ranges = numbered.withColumn("island", F.col("at") - rank).groupBy("_delivery", "island")
    found: dict[int, list[tuple[int, int]]] = {}
    bounds = ranges.agg(F.min("at").alias("first"), F.max("at").alias("last"))
    for row in bounds.orderBy("first").collect():
        found.setdefault(row["_delivery"], []).append((row["first"], row["last"]))
    return {delivery: tuple(listed) for delivery, listed in found.items()}


def _money(rows: DataFrame) -> dict[int, dict[str, int]]:
    amounts = rows.select("_delivery", F.explode("_money").alias("label", "minor"))
    found: dict[int, dict[str, int]] = {}
    for row in amounts.groupBy("_delivery", "label").agg(F.sum("minor").alias("minor")).collect():
        found.setdefault(row["_delivery"], {})[row["label"]] = row["minor"]
    return found
