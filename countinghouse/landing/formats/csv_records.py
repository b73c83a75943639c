"""Records of a CSV file: each comes whole, or with the rule that it breaks. None is skipped.

A quote opens a field only at its beginning. When quotes do not close properly, the first line of
the record is the bad one and reading goes on at the next line, so that one stray quote does not
swallow its neighbours.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator

from countinghouse.landing.formats.csv_grammar import Grammar
from countinghouse.landing.formats.dialect import Dialect
from countinghouse.landing.formats.shape import Record
from countinghouse.landing.formats.text import (
    LONGEST,
    MOST_BROKEN,
    FileBroken,
    TooLong,
    printable,
)

BROKEN_QUOTES = "row: broken quotes"
BAD_BYTES = "row: bytes that are not text"
NUL = "row: NUL character"
TOO_LONG = f"row: longer than {LONGEST} characters"
_NO_TEXT = re.compile("[\ud800-\udfff]")


def records(lines: Iterator[str], dialect: Dialect) -> Iterator[Record]:
    """Every record of a file, its header included; lines with nothing in them are none."""
    csv.field_size_limit(2 * LONGEST)
    tape = _Tape(lines)
    reader = csv.reader(
        tape,
        delimiter=dialect.delimiter,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        quotechar=dialect.quote or None,
        escapechar=dialect.escape or None,
        doublequote=True,
        strict=True,
    )
    escaped_end = _EscapedEnd(dialect) if dialect.escape else None
    broken = 0
    while True:
        tape.start_record()
        try:
            fields = next(reader)
            if escaped_end is not None and escaped_end.breaks("".join(tape.taken)):
                raise csv.Error
        except StopIteration:
            return
        except (csv.Error, _Longer):
            broken += 1
            if broken > MOST_BROKEN:
                raise FileBroken(f"more than {MOST_BROKEN} records with broken quotes") from None
            first = tape.keep_first()
            error = TOO_LONG if isinstance(first, TooLong) else BROKEN_QUOTES
            yield Record([], printable(first), error)
        else:
            if fields:
                raw = tape.taken[0] if len(tape.taken) == 1 else "".join(tape.taken)
                yield _checked(fields, raw)


def _checked(fields: list[str], raw: str) -> Record:
    if "\x00" in raw:
        return Record([], printable(raw), NUL)
    if not raw.isascii() and _NO_TEXT.search(raw):
        return Record([], printable(raw), BAD_BYTES)
    return Record(fields, raw, None)


class _EscapedEnd:
    """The csv module lets an escaped line end go on with an unquoted field; here it breaks it."""

    def __init__(self, dialect: Dialect) -> None:
        self._suspect = re.compile(re.escape(dialect.escape) + r"(?:[\r\n]|\Z)")
        self._grammar = Grammar(dialect)

    def breaks(self, raw: str) -> bool:
        return bool(self._suspect.search(raw)) and not self._grammar.is_whole(raw)


class _Longer(Exception):
    """A record went on for more than LONGEST characters."""


class _Tape:
    """Lines that can be given back; `taken` are those of the record being read."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._back: deque[str] = deque()
        self.taken: list[str] = []
        self._length = 0

    def start_record(self) -> None:
        self.taken.clear()
        self._length = 0

    def __iter__(self) -> "_Tape":
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else next(self._lines)
        self.taken.append(line)
        self._length += len(line)
        if isinstance(line, TooLong) or (len(self.taken) > 1 and self._length > LONGEST):
            raise _Longer
        return line

    def keep_first(self) -> str:
        """Give back every line but the first, which is returned."""
        self._back.extendleft(reversed(self.taken[1:]))
        return self.taken[0]
