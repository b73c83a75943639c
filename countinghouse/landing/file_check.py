"""A file under a contract, without an engine: layout, records, the independent count.

Types, dates and conflicting copies are judged by landing, in SQL.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from countinghouse.contracts import Column, Contract
from countinghouse.landing.formats import format_of
from countinghouse.landing.formats.shape import FileShape, Layout, Record, SourceFile
from countinghouse.landing.formats.text import FileBroken, members
from countinghouse.landing.tally import Tally, tally


@dataclass
class FileCheck:
    """What was found in a file; `broken` says why its delivery would be refused."""

    path: Path
    rows: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    undeclared: tuple[str, ...] = ()
    counted: Tally = field(default_factory=Tally)
    broken: str = ""

    @property
    def bad_rows(self) -> int:
        """Records with a reason each."""
        return self.bad.total()


def check_file(path: Path, contract: Contract) -> FileCheck:
    """Read a file as landing does, up to where types begin."""
    found = FileCheck(path)
    shape = FileShape.of(contract)
    try:
        for member in members(path, shape.compression):
            _read(found, SourceFile(path, member), contract, shape)
    except (FileBroken, OSError) as error:
        found.broken = str(error)
        return found
    if found.counted.records != found.rows:
        found.broken = f"conservation: {found.counted.records} records counted, {found.rows} read"
    elif found.bad_rows > contract.refuse_above * found.rows:
        found.broken = f"budget: {found.bad_rows} of {found.rows} rows are bad"
    return found


def _read(found: FileCheck, source: SourceFile, contract: Contract, shape: FileShape) -> None:
    module = format_of(shape)
    layout = module.layout(source, shape)
    found.undeclared = tuple(sorted({*found.undeclared, *layout.undeclared}))
    needed = _needed(contract, layout)
    for record in module.records(source, shape, layout):
        found.rows += 1
        if reason := record.error or _absent(record, needed):
            found.bad[reason] += 1
    found.counted += tally(source, contract, layout)


def _needed(contract: Contract, layout: Layout) -> list[tuple[int, Column, bool]]:
    """Columns that must have a value: field, column, whether blanks are none."""
    dated = contract.business_date.column
    return [
        (at, column, column.name in contract.keys)
        for at, column in zip(layout.fields, contract.columns, strict=True)
        if not column.nullable or column.name in contract.keys or column.name == dated
    ]


def _absent(record: Record, needed: Sequence[tuple[int, Column, bool]]) -> str:
    for at, column, is_key in needed:
        text = record.fields[at] if at >= 0 else None
        if text is None or text in column.null_values or (is_key and not text.strip()):
            return f"{column.name}: {'key is blank' if is_key else 'is null'}"
    return ""
