"""An independent count of a file: records and money, found without the reader of `records`.

A grammar in place of a state machine, so that both would have to be wrong in the same way for a
record to get lost unseen.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal
from pathlib import Path
from typing import TextIO

from countinghouse.contracts import Column, Contract
from countinghouse.currencies import EXPONENTS
from countinghouse.landing.headers import Layout
from countinghouse.landing.records import Dialect
from countinghouse.landing.text import LONGEST, opened

_BLOCK = 1 << 20
_EXACT = Context(prec=120, rounding=ROUND_HALF_UP)
_PLAIN = re.compile(r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)\Z")
_SCIENTIFIC = re.compile(r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?\Z")
_NEGATIVE_ZERO = re.compile(r"-0*[.]?0*\Z")
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass
class Tally:
    """Records of a file without its header, and the sums of the money that can be read."""

    records: int = 0
    money: dict[str, int] = field(default_factory=dict)

    def add(self, label: str, minor: int) -> None:
        """Add an amount under its label."""
        self.money[label] = self.money.get(label, 0) + minor


def tally(path: Path, contract: Contract, layout: Layout) -> Tally:
    """Count a file; FileBroken if it cannot be read to its end."""
    grammar = _Grammar(Dialect(contract.format.delimiter, contract.format.quote))
    amounts = [_Amount.of(contract, layout, money.column) for money in contract.money]
    found = Tally()
    with opened(path, contract.format.encoding, contract.format.compression) as text:
        records = grammar.records(text)
        if contract.format.header:
            next(records, None)
        for record in records:
            found.records += 1
            if amounts and record is not None:
                _add_money(found, grammar.fields(record), layout, amounts)
    return found


def _add_money(
    found: Tally, fields: Sequence[str], layout: Layout, amounts: Sequence["_Amount"]
) -> None:
    if len(fields) != layout.width or (layout.unnamed >= 0 and fields[layout.unnamed]):
        return
    for amount in amounts:
        if (read := amount.read(fields)) is not None:
            found.add(*read)


class _Grammar:
    """The dialect as regular expressions without backtracking."""

    def __init__(self, dialect: Dialect) -> None:
        delimiter, quote = re.escape(dialect.delimiter), re.escape(dialect.quote)
        quoted = f"{quote}(?:[^{quote}]|{quote}{quote})*+{quote}"
        bare = f"(?!{quote})[^{delimiter}\r\n]*+"
        one = f"(?:{quoted}|{bare})"
        end = r"(?:\r\n|\n|\r(?!\Z)|\Z)"
        self._record = re.compile(f"{one}(?:{delimiter}{one})*+(?={end}|\r)")
        self._field = re.compile(f"(?:{quote}((?:[^{quote}]|{quote}{quote})*+){quote}|({bare}))(?:{delimiter}|\\Z)")
        self._dialect = dialect

    def records(self, text: TextIO) -> Iterator[str | None]:
        """Every record without its line end; None for one that is no record of the dialect."""
        buffer, at, ended = "", 0, False
        while True:
            # A record, and the look at what follows it, fit into what is kept ahead.
            if not ended and len(buffer) - at <= 2 * LONGEST:
                block = text.read(2 * LONGEST + _BLOCK)
                ended = not block
                buffer, at = buffer[at:] + block, 0
            if at >= len(buffer):
                return
            record, at, skipped = self._next(buffer, at)
            if skipped:
                buffer, at, ended = _skip_line(text, buffer, at)
            if record != "":
                yield record

    def fields(self, record: str) -> list[str]:
        """The values of a record's fields."""
        if self._dialect.quote not in record:
            return record.split(self._dialect.delimiter)
        quote = self._dialect.quote
        found, at = [], 0
        while True:
            match = self._field.match(record, at)
            assert match is not None
            found.append((match[1] or "").replace(quote * 2, quote) if match[2] is None else match[2])
            at = match.end()
            if at >= len(record) and not record.endswith(self._dialect.delimiter):
                return found
            if at >= len(record):
                return [*found, ""] if match[0].endswith(self._dialect.delimiter) else found

    def _next(self, buffer: str, at: int) -> tuple[str | None, int, bool]:
        raise NotImplementedError
