"""Headers: which field of a file is which declared column."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from countinghouse.contracts import Contract
from countinghouse.landing.records import Dialect, records
from countinghouse.landing.text import FileBroken, lines, opened


@dataclass(frozen=True)
class Layout:
    """Places of the columns in one file: `fields` in contract order, -1 for an absent one."""

    width: int
    fields: tuple[int, ...]
    undeclared: dict[str, int]
    # An empty last column, which a trailing delimiter makes; nothing may stand in it.
    unnamed: int = -1

    def to_json(self) -> dict[str, Any]:
        """The layout as plain values."""
        return asdict(self)


def dialect_of(contract: Contract) -> Dialect:
    """The dialect as the record reader takes it."""
    return Dialect(contract.format.delimiter, contract.format.quote)


def layout_of(path: Path, contract: Contract) -> Layout:
    """Read a file's header; FileBroken says what is wrong with it."""
    if not contract.format.header:
        width = len(contract.columns)
        return Layout(width, tuple(range(width)), {})
    with opened(path, contract.format.encoding, contract.format.compression) as text:
        first = next(records(lines(text), dialect_of(contract)), None)
    if first is None:
        raise FileBroken("header: the file is empty, not even a header")
    if first.error:
        raise FileBroken(f"header: {first.error}")
    return _layout(first.fields, contract)


def _layout(names: Sequence[str], contract: Contract) -> Layout:
    unnamed = len(names) - 1 if len(names) > 1 and names[-1] == "" else -1
    named = {name: n for n, name in enumerate(names) if n != unnamed}
    _refuse_ambiguous(names, unnamed)
    missing = [c.header for c in contract.columns if c.header not in named and not c.optional]
    declared = {column.header for column in contract.columns}
    undeclared = {name: n for name, n in named.items() if name not in declared}
    if missing:
        found = f"; undeclared: {', '.join(map(repr, undeclared))[:200]}" if undeclared else ""
        raise FileBroken(f"header: no column {', '.join(map(repr, missing))[:200]}{found}")
    fields = tuple(named.get(column.header, -1) for column in contract.columns)
    return Layout(len(names), fields, undeclared, unnamed)


def _refuse_ambiguous(names: Sequence[str], unnamed: int) -> None:
    seen: set[str] = set()
    for n, name in enumerate(names):
        if n == unnamed:
            continue
        if not name.strip():
            raise FileBroken(f"header: column {n + 1} has no name")
        if name in seen:
            raise FileBroken(f"header: {name[:80]!r} stands twice")
        seen.add(name)
