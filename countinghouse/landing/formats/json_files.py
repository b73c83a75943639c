"""JSON lines and JSON documents. Numbers are taken as they are written, never as doubles.

A column's header is a name of the record, or a JSON pointer (RFC 6901) such as /card/exp_month.
Records are read by the standard library and counted by msgspec, which share no code.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from countinghouse.landing.formats import text as texts
from countinghouse.landing.formats.csv_records import BAD_BYTES, NUL, TOO_LONG
from countinghouse.landing.formats.shape import Fields, FileShape, Layout, Record, SourceFile
from countinghouse.landing.formats.text import FileBroken, TooLong, printable

NOT_JSON = "row: not JSON"
NO_OBJECT = "row: not an object"
NESTED = "row: an object or a list where a value is declared"
LARGEST_DOCUMENT = 64 << 20
_NO_TEXT = re.compile("[\ud800-\udfff]")
# The character itself cannot stand in JSON.
_NUL = "\\u0000"
_ABSENT = object()


def layout(file: SourceFile, shape: FileShape) -> Layout:
    """Each declared column has its own place; whether it comes is seen record by record."""
    width = len(shape.columns)
    return Layout(width, tuple(range(width)), {})


def records(file: SourceFile, shape: FileShape, layout: Layout) -> Iterator[Record]:
    """Every line, or every record of the document."""
    pointers = [_parts(column.header) for column in shape.columns]
    nested = [column.nested for column in shape.columns]
    if shape.type == "json":
        for content in _at(_document(file, shape, _parse), shape.records):
            yield _record(content, _dumped(content), pointers, nested)
        return
    with texts.opened(file, shape.encoding, shape.compression) as text:
        for line in texts.lines(text):
            if line.strip():
                yield _of_line(line, pointers, nested)


def count(file: SourceFile, shape: FileShape, layout: Layout) -> "JsonCount":
    """The same by another parser."""
    return JsonCount(file, shape)


class JsonCount:
    """The declared values of each record; a JSON file has no trailer."""

    announced: Mapping[str, str] = {}

    def __init__(self, file: SourceFile, shape: FileShape) -> None:
        self._file = file
        self._shape = shape
        self._pointers = [_parts(column.header) for column in shape.columns]
        self._seen = [column.optional for column in shape.columns]

    def __iter__(self) -> Iterator[Fields | None]:
        """None for a record that cannot be read; FileBroken for a column that never came."""
        shape, records = self._shape, 0
        decoder = msgspec.json.Decoder(float_hook=_Written)
        if shape.type == "json":
            for content in _at(_document(self._file, shape, decoder.decode), shape.records):
                records += 1
                yield self._values(content)
        else:
            with texts.opened(self._file, shape.encoding, shape.compression) as text:
                for line in texts.lines(text):
                    if line.strip():
                        records += 1
                        yield self._of_line(line, decoder)
        missing = [c.header for c, seen in zip(shape.columns, self._seen, strict=True) if not seen]
        if records and missing:
            raise FileBroken(f"header: no record has {', '.join(map(repr, missing))[:200]}")

    def _of_line(self, line: str, decoder: msgspec.json.Decoder[Any]) -> Fields | None:
        if isinstance(line, TooLong) or "\x00" in line or _NUL in line or _NO_TEXT.search(line):
            return None
        try:
            content = decoder.decode(line)
        except (msgspec.DecodeError, RecursionError):
            return None
        return self._values(content)

    def _values(self, content: Any) -> Fields | None:
        if not isinstance(content, dict):
            return None
        found = [_find(content, pointer) for pointer in self._pointers]
        fields: list[str | None] = []
        for n, (value, column) in enumerate(zip(found, self._shape.columns, strict=True)):
            self._seen[n] |= value is not _ABSENT
            if isinstance(value, dict | list):
                if not column.nested:
                    return None
                value = None
            fields.append(_text(value))
        return fields


class _Written(str):
    """A number as it was written."""

    __slots__ = ()


class _Twice(Exception):
    """A name stands twice in one object: one of its values would be lost."""


def _parse(text: str) -> Any:
    return json.loads(
        text,
        parse_float=_Written,
        parse_int=_Written,
        parse_constant=_no_constant,
        object_pairs_hook=_object,
    )


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice
    return found


def _of_line(line: str, pointers: Sequence[Sequence[str]], nested: Sequence[bool]) -> Record:
    if isinstance(line, TooLong):
        return Record([], printable(line), TOO_LONG)
    if "\x00" in line or _NUL in line:
        return Record([], printable(line), NUL)
    if not line.isascii() and _NO_TEXT.search(line):
        return Record([], printable(line), BAD_BYTES)
    try:
        content = _parse(line)
    except _Twice:
        raise FileBroken("a name stands twice in one object") from None
    except (ValueError, RecursionError):
        return Record([], line, NOT_JSON)
    return _record(content, line, pointers, nested)


def _record(
    content: Any, raw: str, pointers: Sequence[Sequence[str]], nested: Sequence[bool]
) -> Record:
    if not isinstance(content, dict):
        return Record([], raw, NO_OBJECT)
    found = [_find(content, pointer) for pointer in pointers]
    if any(
        isinstance(value, dict | list) and not kept
        for value, kept in zip(found, nested, strict=True)
    ):
        return Record([], raw, NESTED)
    extra = {name: _text(value) for name, value in _rest(content, pointers).items()}
    fields = [_text(value) for value in found]
    # An escape may stand for half a character.
    if any(_NO_TEXT.search(text) for text in (*fields, *extra, *extra.values()) if text):
        return Record([], raw, BAD_BYTES)
    return Record(fields, raw, None, extra)


def _document(file: SourceFile, shape: FileShape, parse: Any) -> Any:
    with texts.opened(file, shape.encoding, shape.compression) as text:
        content = text.read(LARGEST_DOCUMENT + 1)
    if len(content) > LARGEST_DOCUMENT:
        raise FileBroken(
            f"a document of more than {LARGEST_DOCUMENT >> 20} million characters; "
            "deliver it as JSON lines"
        )
    if _NO_TEXT.search(content):
        raise FileBroken(f"bytes that are not {shape.encoding}")
    if "\x00" in content or _NUL in content:
        raise FileBroken("NUL character")
    try:
        return parse(content)
    except _Twice:
        raise FileBroken("a name stands twice in one object") from None
    except (ValueError, RecursionError, msgspec.DecodeError) as error:
        told = "" if shape.private else f": {error}"
        raise FileBroken(f"not JSON{told}") from None


def _at(document: Any, path: str) -> list[Any]:
    """The records of a document: a list, or one object, at a JSON pointer."""
    found = _find(document, _parts(path)) if path else document
    if isinstance(found, list):
        return found
    if isinstance(found, dict):
        return [found]
    raise FileBroken(f"there are no records at {path or 'the top of the document'}")


def _parts(header: str) -> list[str]:
    """A header as the names that lead to a value."""
    if not header.startswith("/"):
        return [header]
    return [part.replace("~1", "/").replace("~0", "~") for part in header[1:].split("/")]


def _find(content: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        if isinstance(content, dict):
            content = content.get(part, _ABSENT)
        elif isinstance(content, list) and part.isdecimal() and int(part) < len(content):
            content = content[int(part)]
        else:
            return _ABSENT
    return content


def _text(value: Any) -> str | None:
    """A value as text; objects and lists as JSON."""
    if value is None or value is _ABSENT:
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return _dumped(value)


def _dumped(value: Any) -> str:
    """JSON with numbers as they were written."""
    if isinstance(value, dict):
        inner = (f"{json.dumps(k, ensure_ascii=False)}:{_dumped(v)}" for k, v in value.items())
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_dumped, value)) + "]"
    return str(value) if isinstance(value, _Written) else json.dumps(value, ensure_ascii=False)


def _rest(content: dict[str, Any], pointers: Sequence[Sequence[str]]) -> dict[str, Any]:
    """What no declared column takes, at the top of the record."""
    taken = {pointer[0]: [p[1:] for p in pointers if p[0] == pointer[0]] for pointer in pointers}
    found: dict[str, Any] = {}
    for name, value in content.items():
        if name not in taken:
            found[name] = value
        elif all(taken[name]):
            left = _without(value, taken[name])
            if left not in (None, {}, []):
                found[name] = left
    return found


def _without(value: Any, taken: Sequence[Sequence[str]]) -> Any:
    """A value without what the pointers `taken` lead to."""
    if isinstance(value, list):
        # Places in a list have no names: it stays as it is unless all of it is taken.
        return (
            None
            if {p[0] for p in taken if len(p) == 1} >= set(map(str, range(len(value))))
            else value
        )
    if not isinstance(value, dict):
        return value
    left: dict[str, Any] = {}
    for name, inner in value.items():
        below = [p[1:] for p in taken if p[0] == name]
        if not below:
            left[name] = inner
        elif all(below):
            rest = _without(inner, below)
            if rest not in (None, {}, []):
                left[name] = rest
    return left
