"""CSV files: header and declared columns, records by the csv module, the count by a grammar."""

import re
from collections.abc import Iterator, Mapping, Sequence

from countinghouse.landing.formats import text as texts
from countinghouse.landing.formats.csv_grammar import Grammar
from countinghouse.landing.formats.csv_records import records as csv_records
from countinghouse.landing.formats.dialect import Dialect
from countinghouse.landing.formats.shape import Fields, FileShape, Layout, Record, SourceFile
from countinghouse.landing.formats.text import FileBroken

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


def layout(file: SourceFile, shape: FileShape) -> Layout:
    """Read a file's header; FileBroken says what is wrong with it."""
    if not shape.header:
        width = len(shape.columns)
        return Layout(width, tuple(range(width)), {})
    with texts.opened(file, shape.encoding, shape.compression) as text:
        first = next(csv_records(texts.body(text, shape), _dialect(shape)), None)
    if first is None:
        raise FileBroken("header: the file is empty, not even a header")
    if first.error:
        raise FileBroken(f"header: {first.error}")
    return _layout([name or "" for name in first.fields], shape)


def records(file: SourceFile, shape: FileShape, layout: Layout) -> Iterator[Record]:
    """Every record below the header."""
    with texts.opened(file, shape.encoding, shape.compression) as text:
        found = csv_records(texts.body(text, shape), _dialect(shape))
        if shape.header:
            next(found, None)
        for record in found:
            yield _fitting(record, layout)


def count(file: SourceFile, shape: FileShape, layout: Layout) -> "CsvCount":
    """The same by a grammar in place of a state machine.

    Both would have to be wrong in the same way for a record to get lost unseen.
    """
    return CsvCount(file, shape, layout)


class CsvCount:
    """The fields of each record; then what the trailer announces."""

    def __init__(self, file: SourceFile, shape: FileShape, layout: Layout) -> None:
        self._file = file
        self._shape = shape
        self._layout = layout
        self.announced: Mapping[str, str] = {}

    def __iter__(self) -> Iterator[Fields | None]:
        """None for a record that cannot be read."""
        shape = self._shape
        grammar = Grammar(_dialect(shape))
        trailer: list[str] = []
        with texts.opened(self._file, shape.encoding, shape.compression) as text:
            found = grammar.records(texts.body(text, shape, trailer))
            if shape.header:
                next(found, None)
            for record in found:
                yield self._fields(record, grammar)
        if shape.trailer_lines:
            self.announced = _announced(trailer, shape)

    def _fields(self, record: str | None, grammar: Grammar) -> Fields | None:
        if record is None:
            return None
        if (not record.isascii() or "\x00" in record) and _NO_TEXT.search(record):
            return None
        fields = grammar.fields(record)
        unnamed = self._layout.unnamed
        if len(fields) != self._layout.width or (unnamed >= 0 and fields[unnamed]):
            return None
        return fields


def _dialect(shape: FileShape) -> Dialect:
    return Dialect(shape.delimiter, shape.quote, shape.escape)


def _announced(trailer: Sequence[str], shape: FileShape) -> Mapping[str, str]:
    """Named groups of the trailer's pattern; FileBroken if the file does not end with one."""
    match = re.search(shape.trailer, "\n".join(trailer))
    if match is None:
        raise FileBroken("trailer: the file does not end with the declared one; it may be cut off")
    return {name: value for name, value in match.groupdict().items() if value is not None}


def _fitting(record: Record, layout: Layout) -> Record:
    if record.error:
        return record
    if len(record.fields) != layout.width:
        found = "too few fields" if len(record.fields) < layout.width else "too many fields"
        return record._replace(fields=[], error=f"row: {found}")
    if layout.unnamed >= 0 and record.fields[layout.unnamed]:
        return record._replace(fields=[], error="row: value in a column without name")
    if not layout.undeclared:
        return record
    return record._replace(
        extra={name: record.fields[n] or "" for name, n in layout.undeclared.items()}
    )


def _layout(names: Sequence[str], shape: FileShape) -> Layout:
    unnamed = len(names) - 1 if len(names) > 1 and names[-1] == "" else -1
    named = {name: n for n, name in enumerate(names) if n != unnamed}
    _refuse_ambiguous(names, unnamed, private=shape.private)
    missing = [c.header for c in shape.columns if c.header not in named and not c.optional]
    declared = {column.header for column in shape.columns}
    undeclared = {name: n for name, n in named.items() if name not in declared}
    if missing:
        found = ""
        if undeclared:
            # A file without header has persons where the names should be.
            told = ", ".join(map(repr, undeclared))[:200]
            found = f"; undeclared: {len(undeclared) if shape.private else told}"
        raise FileBroken(f"header: no column {', '.join(map(repr, missing))[:200]}{found}")
    fields = tuple(named.get(column.header, -1) for column in shape.columns)
    return Layout(len(names), fields, undeclared, unnamed)


def _refuse_ambiguous(names: Sequence[str], unnamed: int, *, private: bool) -> None:
    seen: set[str] = set()
    for n, name in enumerate(names):
        if n == unnamed:
            continue
        if not name.strip():
            raise FileBroken(f"header: column {n + 1} has no name")
        if name in seen:
            told = f"column {n + 1}" if private else repr(name[:80])
            raise FileBroken(f"header: {told} stands twice")
        seen.add(name)
