"""A Spark data source that reads the records of archived files, with their place in the file.

Runs inside the engine. Every record becomes a row: the text of each declared column, or `_error`
with the rule that the record breaks. Typing is left to SQL.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

from countinghouse.landing.formats import format_of
from countinghouse.landing.formats.shape import FileShape, Layout, Record, SourceFile
from countinghouse.landing.formats.text import FileBroken, canonical_key
from countinghouse.landing.treatments import Treatment, column_alias, treatment

NAME = "countinghouse_files"
# Marks the row of a file that could not be read to its end.
FILE_ERROR = "file: "
_PLACE = [
    ("_extra", pa.map_(pa.string(), pa.string())),
    ("_delivery", pa.int64()),
    ("_delivery_version", pa.int32()),
    ("_delivery_sequence", pa.int32()),
    ("_source_file", pa.string()),
    ("_row_number", pa.int64()),
    ("_raw", pa.string()),
    ("_error", pa.string()),
    ("dt", pa.string()),
]
_PLACE_SQL = (
    "_extra MAP<STRING, STRING>, _delivery BIGINT, _delivery_version INT, "
    "_delivery_sequence INT, _source_file STRING, "
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


class DeliveredFiles(DataSource):  # type: ignore[misc]
    """Options: `feed` (shape and columns, JSON) and `parts` (lists of files, JSON)."""

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
        return FilesReader(json.loads(self.options["feed"]), json.loads(self.options["parts"]))


class FilesReader(DataSourceReader):  # type: ignore[misc]
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
        self.shape = FileShape.from_json(feed["shape"])
        self.layout = Layout(**spec["layout"])
        key = Path(feed["pii_key"])
        self.treatments = [(at, treatment(name, key, nulls)) for at, name, nulls in feed["treated"]]
        # What nobody has declared may identify a person as well.
        self.of_extra = treatment("hash", key, ()) if self.shape.private else None
        self.secret = key.read_bytes()

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
        file = SourceFile(Path(self.spec["path"]), self.spec["member"])
        try:
            yield from format_of(self.shape).records(file, self.shape, self.layout)
        except (FileBroken, OSError) as error:
            yield Record([], "", f"{FILE_ERROR}{error}")

    def _arrow(self, batch: list[Record], already_read: int) -> pa.RecordBatch:
        rows, count = [record.fields for record in batch], len(batch)
        columns = [
            [row[field] if row and field >= 0 else None for row in rows]
            for field in self.layout.fields
        ]
        extra: list[list[tuple[str, str | None]]] = [[*record.extra.items()] for record in batch]
        if self.of_extra:
            extra = [
                [(column_alias(self.secret, k), v and self.of_extra(v)) for k, v in found]
                for found in extra
            ]
        treated = {at for at, _ in self.treatments}
        # A key is canonical before it is hashed, so that a blank one is found; its original goes.
        for at in self.feed["canonical"]:
            originals = None if at in treated else extra
            _rewrite(columns[at], canonical_key, self.feed["columns"][at], originals)
        for at, change in self.treatments:
            _rewrite(columns[at], change, self.feed["columns"][at], None)
        place = [
            extra,
            [self.spec["delivery"]] * count,
            [self.spec["version"]] * count,
            [self.spec["sequence"]] * count,
            [self.spec["name"]] * count,
            range(already_read + 1, already_read + count + 1),
            [None if self.shape.private else record.raw for record in batch],
            [record.error for record in batch],
            [self.spec["dt"]] * count,
        ]
        arrays = [
            pa.array(values, type=field.type)
            for values, field in zip([*columns, *place], self.schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _rewrite(
    values: list[str | None],
    change: Treatment,
    name: str,
    originals: list[list[tuple[str, str | None]]] | None,
) -> None:
    """Change a column's values in place, and keep what they were where there is room for it."""
    for n, value in enumerate(values):
        if value is not None and (new := change(value)) != value:
            values[n] = new
            if originals is not None:
                originals[n].append((name, value))
