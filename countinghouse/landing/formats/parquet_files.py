"""Parquet files: every value as text, so that whatever type a file has is judged like any other."""

import contextlib
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from countinghouse.landing.formats import text as texts
from countinghouse.landing.formats.csv_records import BAD_BYTES, NUL, TOO_LONG
from countinghouse.landing.formats.json_files import NESTED
from countinghouse.landing.formats.shape import Fields, FileShape, Layout, Record, SourceFile
from countinghouse.landing.formats.text import LONGEST, FileBroken, TooLong, printable

# Whole files in memory only if they come inside of a gzip or zip file.
LARGEST_INSIDE = 256 << 20
# Of one column in one row group, uncompressed: a single value may be as large.
LARGEST_CHUNK = 512 << 20
_BYTES_PER_ITEM = 32
_ROWS = 4096
_NO_TEXT = re.compile("[\ud800-\udfff]")


def layout(file: SourceFile, shape: FileShape) -> Layout:
    """Find the declared columns in the schema."""
    with _opened(file, shape) as parquet:
        names: list[str] = parquet.schema_arrow.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        told = f"column {names.index(twice[0]) + 1}" if shape.private else repr(twice[0])
        raise FileBroken(f"header: {told} stands twice")
    missing = [c.header for c in shape.columns if c.header not in names and not c.optional]
    undeclared = {n: at for at, n in enumerate(names) if n not in {c.header for c in shape.columns}}
    if missing:
        told = str(len(undeclared)) if shape.private else ", ".join(map(repr, undeclared))[:200]
        found = f"; undeclared: {told}" if undeclared else ""
        raise FileBroken(f"header: no column {', '.join(map(repr, missing))[:200]}{found}")
    places = tuple(names.index(c.header) if c.header in names else -1 for c in shape.columns)
    return Layout(len(names), places, undeclared)


def records(file: SourceFile, shape: FileShape, layout: Layout) -> Iterator[Record]:
    """Every row, its values as Arrow writes them."""
    nested = {at for at, c in zip(layout.fields, shape.columns, strict=True) if c.nested}
    nested |= set(layout.undeclared.values())
    with _opened(file, shape) as parquet:
        names = parquet.schema_arrow.names
        for batch in parquet.iter_batches(_ROWS):
            columns = [_texts(batch.column(n)) for n in range(batch.num_columns)]
            containers = [
                n for n, field in enumerate(batch.schema) if _holds(field.type) and n not in nested
            ]
            for row in zip(*columns, strict=True) if columns else ():
                yield _record(row, names, layout, containers)


def count(file: SourceFile, shape: FileShape, layout: Layout) -> "ParquetCount":
    """The rows that the footer announces, and their values as Python has them."""
    return ParquetCount(file, shape, layout)


class ParquetCount:
    """The fields of each row; a Parquet file has no trailer but its footer."""

    announced: Mapping[str, str] = {}

    def __init__(self, file: SourceFile, shape: FileShape, layout: Layout) -> None:
        self._file = file
        self._shape = shape
        self._layout = layout

    def __iter__(self) -> Iterator[Fields | None]:
        """None for a row that cannot be read."""
        found = 0
        with _opened(self._file, self._shape) as parquet:
            for batch in parquet.iter_batches(_ROWS):
                columns = [_values(batch.column(n)) for n in range(batch.num_columns)]
                for row in zip(*columns, strict=True):
                    found += 1
                    yield self._fields(row)
            if found != parquet.metadata.num_rows:
                raise FileBroken(f"{parquet.metadata.num_rows} rows in the footer, {found} found")

    def _fields(self, row: tuple[Any, ...]) -> Fields | None:
        fields: list[str | None] = []
        for value in row:
            if isinstance(value, str) and _error_of(value):
                return None
        for at, column in zip(self._layout.fields, self._shape.columns, strict=True):
            value = row[at] if at >= 0 else None
            if isinstance(value, dict | list | tuple):
                if not column.nested:
                    return None
                value = None
            fields.append(_plain(value))
        return fields


@contextlib.contextmanager
def _opened(file: SourceFile, shape: FileShape) -> Iterator[pq.ParquetFile]:
    with texts.inflated(file, shape.compression) as stream:
        try:
            source = _seekable(stream)
            found = pq.ParquetFile(source)
            _refuse_large_chunks(found)
            # A value that many rows share is held once, however long it is.
            shared = [field.name for field in found.schema_arrow if _is_text(field.type)]
            yield pq.ParquetFile(source, metadata=found.metadata, read_dictionary=shared)
        except (pa.ArrowException, OSError) as error:
            told = "it cannot be read" if shape.private else str(error)[:200]
            raise FileBroken(f"parquet: {told}") from None


def _refuse_large_chunks(parquet: pq.ParquetFile) -> None:
    for group in range(parquet.num_row_groups):
        for n in range(parquet.metadata.num_columns):
            chunk = parquet.metadata.row_group(group).column(n)
            size = chunk.total_uncompressed_size
            # Of lists all items of a row are in memory, and equal ones take no room in the file.
            if parquet.schema.column(n).max_repetition_level:
                size = max(size, chunk.num_values * _BYTES_PER_ITEM)
            if size > LARGEST_CHUNK:
                raise FileBroken(
                    f"{chunk.path_in_schema!r} has {size >> 20} MB in one row group, more than "
                    f"{LARGEST_CHUNK >> 20}; write smaller row groups"
                )


def _seekable(stream: Any) -> Any:
    if not isinstance(stream.raw, io.RawIOBase) or isinstance(stream.raw, io.FileIO):
        return stream
    content = stream.read(LARGEST_INSIDE + 1)
    if len(content) > LARGEST_INSIDE:
        raise FileBroken(f"more than {LARGEST_INSIDE >> 20} MB inside; deliver it as it is")
    return pa.BufferReader(content)


def _record(row: Any, names: list[str], layout: Layout, containers: list[int]) -> Record:
    raw = json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)
    if any(row[n] is not None for n in containers):
        return Record([], printable(raw), NESTED)
    for value in row:
        if value is not None and (error := _error_of(value)):
            return Record([], printable(raw), error)
    extra = {name: row[n] for name, n in layout.undeclared.items()}
    return Record(row, raw, None, extra)


def _error_of(text: str) -> str | None:
    if isinstance(text, TooLong):
        return TOO_LONG
    if "\x00" in text:
        return NUL
    return BAD_BYTES if not text.isascii() and _NO_TEXT.search(text) else None


def _holds(kind: pa.DataType) -> bool:
    return bool(pa.types.is_nested(kind))


def _texts(column: pa.Array) -> list[str | None]:
    """The values of a column as text."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _looked_up(column, _texts)
    if pa.types.is_null(kind):
        return [None] * len(column)
    if _is_text(kind):
        return _decoded(column)
    if pa.types.is_decimal(kind):
        return [None if v is None else f"{v:f}" for v in column.to_pylist()]
    if pa.types.is_nested(kind):
        return [None if v is None else _json(v) for v in column.to_pylist()]
    if pa.types.is_timestamp(kind):
        return _instants(column)
    found: list[str | None] = column.cast(pa.string()).to_pylist()
    return found


def _looked_up(column: pa.Array, read: Callable[[pa.Array], Sequence[Any]]) -> list[Any]:
    """The values of a dictionary's column, each distinct one read once."""
    used = pc.unique(column.indices).drop_null()
    values = dict(zip(used.to_pylist(), read(column.dictionary.take(used)), strict=True))
    return [values.get(n) for n in column.indices.to_pylist()]


def _is_text(kind: pa.DataType) -> bool:
    tests: tuple[Callable[[pa.DataType], bool], ...] = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_fixed_size_binary,
    )
    return any(test(kind) for test in tests)


def _decoded(column: pa.Array) -> list[str | None]:
    """Text, also of writers that do not say that it is text; bytes that are none are marked.

    What is longer than LONGEST comes cut, as TooLong.
    """
    if not pa.types.is_fixed_size_binary(column.type):
        column = column.cast(pa.large_binary())
    longest: int | None = pc.max(pc.binary_length(column)).as_py()
    if longest is not None and longest > LONGEST:
        # A character has up to four bytes.
        column = pc.binary_slice(column, 0, 4 * (LONGEST + 1))
    decoded = (
        None if v is None else v.decode("utf-8", texts.BAD_BYTES) for v in column.to_pylist()
    )
    return [v if v is None or len(v) <= LONGEST else TooLong(v[:LONGEST]) for v in decoded]


def _instants(column: pa.Array) -> list[str | None]:
    """As `YYYY-MM-DD HH:MM:SS[.ffffff]`, with Z where the file says that they are instants."""
    zone = column.type.tz
    if zone:
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))
    column = column.cast(pa.timestamp(column.type.unit))
    if column.type.unit == "ns":
        # One finer than an instant of the warehouse keeps nine digits, which its rule refuses.
        with contextlib.suppress(pa.ArrowInvalid):
            column = column.cast(pa.timestamp("us"))
    suffix = "Z" if zone else ""
    return [None if v is None else f"{v}{suffix}" for v in column.cast(pa.string()).to_pylist()]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _values(column: pa.Array) -> list[Any]:
    """The values of a column as Python's own."""
    if pa.types.is_dictionary(column.type):
        return _looked_up(column, _values)
    if _is_text(column.type):
        return _decoded(column)
    try:
        found: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):
        # Nanoseconds, which Python has not; no amount is a time.
        return [None] * len(column)
    return found


def _plain(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)
