"""All records of a feed's files, read once by landing's own reader, and profiled."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from countinghouse.inference import origins
from countinghouse.inference.column_profile import Profile
from countinghouse.inference.keys import Sample, Values
from countinghouse.inference.origins import NotInferred, Origin
from countinghouse.landing.formats import format_of
from countinghouse.landing.formats.shape import FileShape, Place, Record, SourceFile
from countinghouse.landing.formats.text import FileBroken

_BATCH = 8192
_BATCH_CHARACTERS = 8 << 20
_MOST_TRAILER = 5
_UNNAMED = "row: value in a column without name"
_DIALECT_ERRORS = ("row: broken quotes", "row: too few fields", "row: too many fields")


@dataclass
class Table:
    """What was found in the files; `errors` are the records that no contract can land."""

    origin: Origin
    profiles: list[Profile]
    sample: Sample
    rows: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    # The file's last records, of which some may be its trailer.
    first_error: str = ""
    tail: list[Record] = field(default_factory=list)

    @property
    def readable(self) -> int:
        """Records that have fields."""
        return self.rows - self.errors.total()


def read_table(origin: Origin) -> Table:
    """Read all files; where records break, another dialect or a trailer that makes them whole.

    Raises NotInferred for records without any column.
    """
    if not origin.names:
        files = ", ".join(file.path.name for file in origin.files)
        raise NotInferred(f"{files}: its records have no columns", remedy="name files with rows")
    table = _read(origin)
    if not table.errors or origin.shape.type != "csv":
        return table
    if trailer := _trailer(table):
        table = _read(replace(origin, shape=trailer))
    if table.errors[_UNNAMED]:
        return _read(_without_header(table.origin))
    if table.errors.keys() & set(_DIALECT_ERRORS):
        return _better(table)
    return table


def _better(table: Table) -> Table:
    """The dialect that breaks fewest records of the whole file."""
    for reading in table.origin.others:
        if reading.dialect.delimiter != table.origin.shape.delimiter or not reading.table:
            continue
        try:
            other = _read(origins.with_reading(table.origin, reading))
        except (FileBroken, NotInferred):
            continue
        if other.errors.total() < table.errors.total():
            table = other
    return table


def _read(origin: Origin) -> Table:
    headers = [place.header for place in origin.shape.columns]
    profiles = [
        Profile(p.header, p.header in origin.texts, p.optional, p.nested)
        for p in origin.shape.columns
    ]
    table = Table(origin, profiles, Sample(len(headers)))
    for file in origin.files:
        _add(table, file)
    return table


def _add(table: Table, file: SourceFile) -> None:
    tail: list[Record] = []
    for batch, columns in batches(file, table.origin.shape):
        for record in batch:
            table.rows += 1
            if record.error:
                table.errors[record.error] += 1
                table.first_error = table.first_error or f"{file.path.name}, record {table.rows}"
        tail = [*tail, *batch][-_MOST_TRAILER - 1 :]
        for profile, values in zip(table.profiles, columns, strict=True):
            profile.take(values)
        table.sample.take(columns, len(columns[0]))
    table.tail = tail


def batches(file: SourceFile, shape: FileShape) -> Iterator[tuple[list[Record], list[Values]]]:
    """Records in batches, and the values of the good ones by column of the shape."""
    module = format_of(shape)
    layout = module.layout(file, shape)
    found = module.records(file, shape, layout)
    while batch := _batch(found):
        rows = [record.fields for record in batch if not record.error]
        by_field = list(zip(*rows, strict=True)) or [()] * layout.width
        absent = (None,) * len(rows)
        yield batch, [by_field[at] if at >= 0 else absent for at in layout.fields]


def _batch(records: Iterator[Record]) -> list[Record]:
    batch: list[Record] = []
    characters = 0
    for record in itertools.islice(records, _BATCH):
        batch.append(record)
        characters += len(record.raw)
        if characters > _BATCH_CHARACTERS:
            break
    return batch


def rows_again(origin: Origin) -> Iterator[list[Values]]:
    """The good rows of all files, by batches of columns."""
    for file in origin.files:
        for _, columns in batches(file, origin.shape):
            yield columns


def _trailer(table: Table) -> FileShape | None:
    """The shape with the file's last lines as its trailer, if only they break."""
    broken = [bool(record.error) for record in table.tail]
    lines = broken[::-1].index(False) if False in broken else 0
    # Of several files the trailer of each would have to be alike.
    if not lines or lines > _MOST_TRAILER or sum(table.errors.values()) != lines:
        return None
    if len(table.origin.files) > 1 or any("\n" in r.raw.rstrip("\r\n") for r in table.tail):
        return None
    last = "\n".join(record.raw.rstrip("\r\n") for record in table.tail[-lines:])
    pattern = _generalised(last, table.rows - lines, table.origin.shape.delimiter)
    return replace(table.origin.shape, trailer_lines=lines, trailer=pattern)


def _generalised(text: str, rows: int, delimiter: str) -> str:
    """A pattern for the text with other numbers; one that is the number of rows is checked.

    Another number may have another sign, and as many marks between its digits as it needs.
    """
    parts, counted = [], False
    marks = ".,'".replace(delimiter, "")
    number = re.compile(rf"([+-]?[0-9]+(?:[{marks}][0-9]+)*)")
    for part in number.split(text):
        if part == str(rows) and not counted:
            parts.append("(?P<rows>[0-9]+)")
            counted = True
        else:
            other = rf"[+-]?[0-9][0-9{marks}]*"
            parts.append(other if number.fullmatch(part) else re.escape(part))
    return "".join(parts)


def _without_header(origin: Origin) -> Origin:
    """Columns by position, because something stands in the one without a name."""
    places = [Place(f"column {n}") for n in range(1, len(origin.names) + 2)]
    shape = origin.shape
    doubts = origin.doubts | {
        "header": "values stand in the last column, which has no name: columns go by position"
    }
    skipped = shape.preamble + origin.header_lines
    shape = replace(shape, header=False, preamble=skipped, columns=tuple(places))
    return replace(origin, shape=shape, names=(*origin.names, ""), doubts=doubts)
