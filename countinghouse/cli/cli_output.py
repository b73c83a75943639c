"""How commands print: tables for people, JSON for programs."""

import csv
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from decimal import Decimal
from typing import Any

import typer

# With the apostrophes that made an earlier text harmless, so that taking one away gives it back.
_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table; numbers to the right, nothing cut off when it goes to a file."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    listed = [list(row) for row in rows]
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for n, column in enumerate(columns):
        numeric = bool(listed) and all(isinstance(row[n], int | float) for row in listed)
        shown.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        shown.add_row(*[_cell(value) for value in row])
    # Without a terminal rich assumes 80 characters.
    Console(width=None if sys.stdout.isatty() else 4096, highlight=False, markup=False).print(shown)


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print CSV (RFC 4180) with a header, in which no text begins a formula; NULL is empty.

    Spreadsheets compute what begins with = + - @, a tab or a line break: such a text gets an
    apostrophe in front, also one that an apostrophe and such a character begin. Numbers stay.
    """
    printed = csv.writer(sys.stdout)
    printed.writerow([_harmless(column) for column in columns])
    printed.writerows([[_harmless(value) for value in row] for row in rows])


def _harmless(value: Any) -> Any:
    if value is None or isinstance(value, int | float | Decimal):
        return value
    text = str(value)
    return f"'{text}" if _FORMULA.match(text) else text


def as_json(content: Any) -> None:
    """Print dataclasses, or lists of them, as one JSON document."""
    document = [plain(c) for c in content] if isinstance(content, list) else plain(content)
    typer.echo(json.dumps(document, indent=1, default=str))


def plain(content: Any) -> Any:
    """A dataclass as a mapping; anything else as it is."""
    return asdict(content) if is_dataclass(content) and not isinstance(content, type) else content


def money(amounts: Mapping[str, int]) -> str:
    """Minor units by amount and currency on one line."""
    return ", ".join(f"{key} {amounts[key]}" for key in sorted(amounts))


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
