"""A Spark data source that reads the records of archived files, with their place in the file.

Runs inside the engine. Every record becomes a row: the text of each declared column, or `_error`
with the rule that the record breaks. Typing is left to SQL.
"""

import functools
import hmac
import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

from countinghouse.landing.records import Dialect, Record, records
from countinghouse.landing.text import FileBroken, canonical_key, lines, opened

NAME = "countinghouse_csv"
# Marks the row of a file that could not be read to its end.
FILE_ERROR = "file: "
_PLACE = [
    ("_extra", pa.map_(pa.string(), pa.string())),
    ("_delivery", pa.int64()),
    ("_delivery_version", pa.int32()),
    ("_source_file", pa.string()),
    ("_row_number", pa.int64()),
    ("_raw", pa.string()),
    ("_error", pa.string()),
    ("dt", pa.string()),
]
_PLACE_SQL = (
    "_extra MAP<STRING, STRING>, _delivery BIGINT, _delivery_version INT, _source_file STRING, "
    "_row_number BIGINT, _raw STRING, _error STRING, dt STRING"
)
_BATCH_ROWS = 8192
_BATCH_CHARACTERS = 8 << 20


@dataclass
class Files(InputPartition):  # type: ignore[misc]
    """Files that one task reads, each as the plain values of its specification."""

    specs: list[dict[str, Any]]

    def __init__(self, specs: list[dict[str, Any]]) -> None:
        super().__init__(0)
        self.specs = specs


class CsvSource(DataSource):  # type: ignore[misc]
    """Options: `feed` (dialect and columns, JSON) and `parts` (lists of files, JSON)."""

    @classmethod
    def name(cls) -> str:
        """Name to register it under."""
        return NAME

    def schema(self) -> str:
        """Texts of the declared columns, then the place of the record."""
        columns = json.loads(self.options["feed"])["columns"]
        return ", ".join([*(f"`{name}` STRING" for name in columns), _PLACE_SQL])

    def reader(self, schema: Any) -> DataSourceReader:
        """The reader of all files."""
        return CsvReader(json.loads(self.options["feed"]), json.loads(self.options["parts"]))


class CsvReader(DataSourceReader):  # type: ignore[misc]
    """Yields Arrow batches of the records of each file."""

    def __init__(self, feed: dict[str, Any], parts: list[list[dict[str, Any]]]) -> None:
        self.feed = feed
        self.parts = parts

    def partitions(self) -> Sequence[InputPartition]:
        """One task for each list of files."""
        return [Files(part) for part in self.parts]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The rows of all files of a task."""
        assert isinstance(partition, Files)
        fields = [pa.field(name, pa.string()) for name in self.feed["columns"]]
        schema = pa.schema([*fields, *(pa.field(name, kind) for name, kind in _PLACE)])
        for spec in partition.specs:
            yield from _File(self.feed, spec, schema).batches()


class _File:
    """One file on its way to Arrow."""

    def __init__(self, feed: dict[str, Any], spec: dict[str, Any], schema: pa.Schema) -> None:
        self.feed = feed
        self.spec = spec
        self.schema = schema
        self.undeclared: dict[str, int] = spec["layout"]["undeclared"]
        self.rewrites = _rewrites(feed)

    def batches(self) -> Iterator[pa.RecordBatch]:
        batch: list[Record] = []
        characters = read = 0
        for record in self._records():
            batch.append(record)
            characters += len(record.raw)
            if len(batch) == _BATCH_ROWS or characters > _BATCH_CHARACTERS:
                yield self._arrow(batch, read)
                read += len(batch)
                batch, characters = [], 0
        if batch:
            yield self._arrow(batch, read)

    def _records(self) -> Iterator[Record]:
        path = Path(self.spec["path"])
        dialect = Dialect(self.feed["delimiter"], self.feed["quote"])
        try:
            with opened(path, self.feed["encoding"], self.feed["compression"]) as text:
                found = records(lines(text), dialect)
                if self.feed["header"]:
                    next(found, None)
                for record in found:
                    yield self._fitting(record)
        except (FileBroken, OSError) as error:
            yield Record([], "", f"{FILE_ERROR}{error}")

    def _fitting(self, record: Record) -> Record:
        if record.error:
            return record
        width, unnamed = self.spec["layout"]["width"], self.spec["layout"]["unnamed"]
        if len(record.fields) != width:
            found = "too few fields" if len(record.fields) < width else "too many fields"
            return record._replace(fields=[], error=f"row: {found}")
        if unnamed >= 0 and record.fields[unnamed]:
            return record._replace(fields=[], error="row: value in a column without name")
        return record

    def _arrow(self, batch: list[Record], already_read: int) -> pa.RecordBatch:
        rows, count = [record.fields for record in batch], len(batch)
        columns = [
            [row[field] if row and field >= 0 else None for row in rows]
            for field in self.spec["layout"]["fields"]
        ]
        extra = [self._undeclared(row) for row in rows] if self.undeclared else [[] for _ in rows]
        for at, rewrite, keeps in self.rewrites:
            self._rewrite(columns, extra, at, rewrite, keeps)
        keep_raw = self.feed["keep_raw"]
        place = [
            extra,
            [self.spec["delivery"]] * count,
            [self.spec["version"]] * count,
            [self.spec["name"]] * count,
            range(already_read + 1, already_read + count + 1),
            [record.raw if keep_raw else None for record in batch],
            [record.error for record in batch],
            [self.spec["dt"]] * count,
        ]
        arrays = [
            pa.array(values, type=field.type)
            for values, field in zip([*columns, *place], self.schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _undeclared(self, row: list[str]) -> list[tuple[str, str]]:
        return [(name, row[n]) for name, n in self.undeclared.items()] if row else []

    def _rewrite(self, columns: Any, extra: Any, at: int, rewrite: Any, keeps: bool) -> None:
        values = columns[at]
        name = self.feed["columns"][at]
        for n, value in enumerate(values):
            if value is not None and (new := rewrite(value)) != value:
                values[n] = new
                if keeps:
                    extra[n].append((name, value))


def _rewrites(feed: dict[str, Any]) -> list[tuple[int, Any, bool]]:
    """Changes to texts: place of the column, the change, whether the original is kept."""
    # A key is canonical before it is hashed, so that a blank one is found; its original goes.
    found: list[tuple[int, Any, bool]] = [
        (at, canonical_key, at not in feed["hashed"]) for at in feed["text_keys"]
    ]
    if feed["hashed"]:
        secret = Path(feed["pii_key"]).read_bytes()
        nulls = feed["hashed_nulls"]
        for at, null in zip(feed["hashed"], nulls, strict=True):
            found.append((at, functools.partial(hashed, secret, frozenset(null)), False))
    return found


def hashed(secret: bytes, nulls: frozenset[str], value: str) -> str:
    """A stable token for a value that identifies a person; nothing in it leads back.

    A null or empty value identifies nobody and stays as it is.
    """
    if not value or value in nulls:
        return value
    text = unicodedata.normalize("NFC", value.strip())
    return hmac.new(secret, text.encode(), "sha256").hexdigest()
