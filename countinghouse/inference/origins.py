"""The files of a feed: their format, encoding and dialect, and the columns that they have."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from countinghouse.errors import CountinghouseError
from countinghouse.inference import dialects, headers, json_shapes
from countinghouse.inference.encodings import Encoding, encoding_of
from countinghouse.landing.formats import format_of, json_files
from countinghouse.landing.formats import text as texts
from countinghouse.landing.formats.shape import FileShape, Place, SourceFile

_SAMPLE = 1 << 20
_JSON_SAMPLE = 10_000


class NotInferred(CountinghouseError):
    """Files of which no table can be made."""


@dataclass(frozen=True)
class Origin:
    """Files and their shape; `names` are what a person calls the columns, `texts` quoted ones."""

    files: tuple[SourceFile, ...]
    shape: FileShape
    names: tuple[str, ...]
    # By what it concerns: what a person should look at.
    doubts: dict[str, str]
    texts: frozenset[str] = frozenset()
    header_lines: int = 1
    # Other dialects that read the beginning, in case that this one fails later.
    others: tuple[dialects.Reading, ...] = ()


def source_files(paths: Sequence[Path]) -> tuple[SourceFile, ...]:
    """Every file, those inside of zip archives one by one."""
    for path in paths:
        if not path.is_file():
            raise NotInferred(f"{path} is no file", remedy="name the files of one feed")
    return tuple(SourceFile(p, member) for p in paths for member in texts.members(p, "infer"))


def origin_of(files: Sequence[SourceFile]) -> Origin:
    """Format, dialect and columns of files that belong to one feed."""
    if not files:
        raise NotInferred("no file is named", remedy="name the files of one feed")
    with texts.inflated(files[0], "infer") as stream:
        beginning = stream.read(_SAMPLE)
    if beginning.startswith(b"PAR1"):
        return _parquet(tuple(files))
    encoding = encoding_of(files)
    kind = _json_type(files[0], encoding.name)
    return _json(tuple(files), encoding, kind) if kind else csv_origin(tuple(files), encoding)


def _parquet(files: tuple[SourceFile, ...]) -> Origin:
    shape = FileShape((), type="parquet")
    found: dict[str, pa.Field] = {}
    seen: list[set[str]] = []
    for file in files:
        with texts.inflated(file, "infer") as stream:
            try:
                schema = pq.read_schema(pa.BufferReader(stream.read()))
            except (pa.ArrowException, OSError) as error:
                raise texts.FileBroken(f"is no whole Parquet file: {error}") from None
        seen.append(set(schema.names))
        found |= {field.name: field for field in schema if field.name not in found}
    places = tuple(
        Place(n, not all(n in names for names in seen), pa.types.is_nested(field.type))
        for n, field in found.items()
    )
    quoted = frozenset(n for n, f in found.items() if pa.types.is_string(f.type))
    return Origin(files, replace(shape, columns=places), tuple(found), {}, quoted)


def _json_type(file: SourceFile, encoding: str) -> str:
    """json_lines or json; empty for what is neither."""
    with texts.opened(file, encoding, "infer") as text:
        head = list(itertools.islice((line for line in texts.lines(text) if line.strip()), 2))
    if not head or head[0].lstrip()[0] not in "{[":
        return ""
    if head[0].lstrip()[0] == "{" and _is_json(head[0]):
        # One object on one line may be the document that holds all records.
        return "json_lines" if len(head) > 1 or not _holds_list(head[0]) else "json"
    with texts.opened(file, encoding, "infer") as text:
        content = text.read(json_files.LARGEST_DOCUMENT + 1)
    return "json" if len(content) > json_files.LARGEST_DOCUMENT or _is_json(content) else ""


def _is_json(text: str) -> bool:
    try:
        json_shapes.parsed(text)
    except (ValueError, RecursionError):
        return False
    return True


def _holds_list(text: str) -> bool:
    return bool(json_shapes.records_pointer(json_shapes.parsed(text)))


def _json(files: tuple[SourceFile, ...], encoding: Encoding, kind: str) -> Origin:
    shape = FileShape((), type=kind, encoding=encoding.name)
    doubts = {"encoding": encoding.guessed} if encoding.guessed else {}
    if kind == "json":
        with texts.opened(files[0], encoding.name, "infer") as text:
            content = text.read(json_files.LARGEST_DOCUMENT + 1)
        pointer = json_shapes.records_pointer(_document(files[0], content))
        shape = replace(shape, records=pointer)
    by_file = [json_shapes.columns(_contents(file, shape)) for file in files]
    found = {column.place.header: column for columns in by_file for column in columns}
    everywhere = set.intersection(*({c.place.header for c in columns} for columns in by_file))
    nested = {c.place.header for columns in by_file for c in columns if c.place.nested}
    places = tuple(Place(h, h not in everywhere, h in nested) for h in found)
    quoted = frozenset(h for h, c in found.items() if c.is_text)
    called = tuple(h.replace("~1", "/").replace("~0", "~") for h in found)
    return Origin(files, replace(shape, columns=places), called, doubts, quoted)


def _document(file: SourceFile, content: str) -> object:
    if len(content) > json_files.LARGEST_DOCUMENT:
        raise NotInferred(
            f"{file.path}: a JSON document of more than {json_files.LARGEST_DOCUMENT >> 20} "
            "million characters",
            remedy="deliver it as JSON lines",
        )
    return json_shapes.parsed(content)


def _contents(file: SourceFile, shape: FileShape) -> Iterator[object]:
    """Every record: a name may come for the first time in the last one."""
    module = format_of(shape)
    for record in module.records(file, shape, module.layout(file, shape)):
        if not record.error:
            yield json_shapes.parsed(record.raw)


def csv_origin(files: tuple[SourceFile, ...], encoding: Encoding) -> Origin:
    """Dialect and columns of CSV files; those of the first file hold for all."""
    doubts = {"encoding": encoding.guessed} if encoding.guessed else {}
    ranked = dialects.readings(_sample(files[0], encoding.name))
    best = ranked[0]
    if not best.table:
        raise NotInferred(f"{files[0].path}: there is no table in it", remedy="look at the file")
    return _csv_of(files, encoding.name, best, tuple(ranked[1:4]), doubts)


def with_reading(origin: Origin, reading: dialects.Reading) -> Origin:
    """The same files in another dialect."""
    doubts = {what: why for what, why in origin.doubts.items() if what == "encoding"}
    return _csv_of(origin.files, origin.shape.encoding, reading, (), doubts)


def _csv_of(
    files: tuple[SourceFile, ...],
    encoding: str,
    reading: dialects.Reading,
    others: tuple[dialects.Reading, ...],
    doubts: dict[str, str],
) -> Origin:
    delimiter, quote, escape = reading.dialect
    shape = FileShape(
        (), encoding=encoding, delimiter=delimiter, quote=quote, escape=escape,
        preamble=reading.preamble,
    )  # fmt: skip
    if reading.preamble:
        doubts["preamble"] = f"{reading.preamble} lines before the table are skipped"
    first = [text or "" for text in reading.table[0]]
    named, why = headers.has_header(reading.table)
    if why:
        doubts["header"] = why
    if not named:
        return _by_position(files, replace(shape, header=False), first, (), doubts, others)
    if problem := _unusable(first):
        doubts["header"] = (
            f"landing cannot use the header ({problem}): it is skipped, and columns go by position"
        )
        shape = replace(shape, header=False, preamble=shape.preamble + reading.first_lines)
        return _by_position(files, shape, first, tuple(first), doubts, others)
    origin = _by_name(files, shape, doubts, others)
    return replace(origin, header_lines=reading.first_lines)


def _by_position(
    files: tuple[SourceFile, ...],
    shape: FileShape,
    first: Sequence[str],
    names: Sequence[str],
    doubts: dict[str, str],
    others: tuple[dialects.Reading, ...],
) -> Origin:
    called = tuple(names) or ("",) * len(first)
    places = tuple(Place(f"column {n}") for n in range(1, len(first) + 1))
    return Origin(files, replace(shape, columns=places), called, doubts, others=others)


def _by_name(
    files: tuple[SourceFile, ...],
    shape: FileShape,
    doubts: dict[str, str],
    others: tuple[dialects.Reading, ...],
) -> Origin:
    by_file = [_header(file, shape) for file in files]
    union = list(dict.fromkeys(name for header in by_file for name in header))
    places = tuple(Place(name, not all(name in header for header in by_file)) for name in union)
    return Origin(files, replace(shape, columns=places), tuple(union), doubts, others=others)


def _header(file: SourceFile, shape: FileShape) -> list[str]:
    """Names of the columns; without that of an empty last one, which a trailing delimiter makes."""
    module = format_of(shape)
    layout = module.layout(file, shape)
    return list(layout.undeclared)


def _unusable(names: Sequence[str]) -> str:
    for n, name in enumerate(names[:-1] if len(names) > 1 and not names[-1] else names, 1):
        if not name.strip():
            return f"column {n} has no name"
        if name in names[: n - 1]:
            return f"{name!r} stands twice"
    return ""


def _sample(file: SourceFile, encoding: str) -> list[str]:
    """The first lines, whole ones."""
    found: list[str] = []
    size = 0
    with texts.opened(file, encoding, "infer") as text:
        for line in texts.lines(text):
            found.append(line)
            size += len(line)
            if size > _SAMPLE:
                break
    return found
