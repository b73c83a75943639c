"""From files to the declaration of their feed; see docs/infer-a-contract.md."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from countinghouse.contracts.contract_model import Format
from countinghouse.inference import meanings, roles
from countinghouse.inference.declaration import Declaration
from countinghouse.inference.headers import column_names, snake
from countinghouse.inference.keys import Key, conflicts, find_key
from countinghouse.inference.numbers_seen import Notation
from countinghouse.inference.origins import NotInferred, origin_of, source_files
from countinghouse.inference.roles import Amount
from countinghouse.inference.table import Table, read_table, rows_again
from countinghouse.inference.typed_columns import TypedColumn, notation_of, typed_column
from countinghouse.landing.formats.text import FileBroken
from countinghouse.names import Feed

_ENDS = re.compile(r"(\.(csv|tsv|txt|json|jsonl|ndjson|parquet|gz|zip|dat|psv))+$", re.I)
_DAY_IN_NAME = re.compile(r"[-_.]?\d{4}[-_]?\d{2}([-_]?\d{2})?.*$")
_DELIVERY = re.compile(r"(?P<system>[^/]+)/(?P<feed>[^/]+)/dt=[^/]+/")


def infer(
    paths: Sequence[Path], *, system: str = "", feed: str = "", today: dt.date | None = None
) -> Declaration:
    """The declaration under which landing takes the files; every row of them is read.

    Dates later than `today` (by default the day on this machine) are no business dates. Raises
    NotInferred for files of which no table can be made.
    """
    named = _feed(paths, system, feed)
    try:
        table = read_table(origin_of(source_files(paths)))
    except FileBroken as error:
        raise NotInferred(
            f"{', '.join(map(str, paths))}: {error}", remedy="mend the files, or infer them apart"
        ) from None
    return _declared(named, table, paths, today or dt.date.today())


def _declared(feed: Feed, table: Table, paths: Sequence[Path], today: dt.date) -> Declaration:
    origin = table.origin
    notation, doubt = notation_of(table.profiles, origin.shape.delimiter)
    names = column_names(origin.names)
    columns = [typed_column(n, p, notation) for n, p in zip(names, table.profiles, strict=True)]
    for column in columns:
        if origin.shape.header and column.profile.header != column.name:
            column.meta = {"header": column.profile.header, **column.meta}
    key, found = _key(table, columns)
    amounts = _not_in(key, roles.amounts(columns), columns)
    return Declaration(
        feed=feed,
        table=table,
        columns=columns,
        key=key,
        found_key=found,
        notation_doubt=doubt,
        dialect=_format(table, notation, _null_values(table, columns)),
        files=_pattern(paths),
        business_date=roles.business_date(columns, today),
        amounts=amounts,
        hints=_version_hints(key, columns),
    )


def _key(table: Table, columns: Sequence[TypedColumn]) -> tuple[Key, bool]:
    """The key, and whether it is one: else all columns that are always there."""
    candidates = roles.key_candidates(columns)
    found = find_key(table.sample, candidates, lambda: rows_again(table.origin))
    if found:
        return found, True
    complete = [n for n, c in enumerate(columns) if c.complete] or list(range(len(columns)))
    rows = table.sample.rows
    part = 0 if table.sample.is_whole else rows
    return Key(tuple(complete), conflicts(table.sample, complete), 0, part), False


def _not_in(key: Key, amounts: list[Amount], columns: Sequence[TypedColumn]) -> list[Amount]:
    used = {columns[n].name for n in key.columns}
    return [amount for amount in amounts if amount.column.name not in used]


def _version_hints(key: Key, columns: Sequence[TypedColumn]) -> list[str]:
    names = [columns[n].name for n in key.columns]
    return [
        f"version_column: {name}, with the other keys, if rows are versions"
        for name in names
        if len(names) > 1 and meanings.change(name)
    ]


def _null_values(table: Table, columns: Sequence[TypedColumn]) -> list[str]:
    """Null values of all columns; what only some have is put beside them."""
    base = [""] if table.origin.shape.type == "csv" else []
    used = Counter(token for column in columns for token in column.absent)
    kept = {t for column in columns if not column.absent for t in column.profile.absent}
    shared = sorted(token for token, n in used.items() if n > 1 and token not in kept)
    # A sentinel of dates is a number elsewhere.
    shared = [token for token in shared if not token.isdigit()]
    for column in columns:
        blank = [""] if base or (column.profile.blank and column.type != "string") else []
        own = [*blank, *column.absent]
        if set(own) - {*base, *shared}:
            column.meta["null_values"] = sorted({*own})
    return [*base, *shared]


def _format(table: Table, notation: Notation, null_values: list[str]) -> dict[str, Any]:
    shape, defaults = table.origin.shape, Format()
    told: dict[str, Any] = {"type": shape.type}
    if shape.type == "csv":
        told |= {"delimiter": shape.delimiter, "quote": shape.quote, "encoding": shape.encoding}
        told["header"] = shape.header
    elif shape.type != "parquet" and shape.encoding != defaults.encoding:
        told["encoding"] = shape.encoding
    for name in ("escape", "preamble", "records"):
        if getattr(shape, name) != getattr(defaults, name):
            told[name] = getattr(shape, name)
    if shape.trailer_lines:
        told["trailer"] = {"pattern": shape.trailer, "lines": shape.trailer_lines}
    if not notation.is_plain:
        told["decimal_mark"] = notation.decimal_mark
        told |= {"thousands": notation.thousands} if notation.thousands else {}
    return told | ({"null_values": null_values} if null_values else {})


def _pattern(paths: Sequence[Path]) -> str:
    """Matches files with the same end of the name."""
    ends = {"".join(p.suffixes[-2:] if p.suffix == ".gz" else p.suffixes[-1:]) for p in paths}
    return f"*{ends.pop()}" if len(ends) == 1 else "*"


def _feed(paths: Sequence[Path], system: str, feed: str) -> Feed:
    """Named as said, or as the delivery's folders are, or as folder and file."""
    if not paths:
        raise NotInferred("no file is named", remedy="name the files of one feed")
    path = paths[0].resolve()
    if match := _DELIVERY.search(str(path)):
        return Feed(system or match["system"], feed or match["feed"])
    stem = _DAY_IN_NAME.sub("", _ENDS.sub("", path.name)) or _ENDS.sub("", path.name)
    folder = re.sub("_+", "_", snake(path.parent.name)) or "source"
    return Feed(system or folder[:30].strip("_"), feed or (snake(stem) or "feed")[:31].strip("_"))
