"""How commands print: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

import typer


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
