"""The dialect of a CSV file: the one under which landing's own reader makes the best table of it.

Every candidate reads the beginning of the file; each is scored by how many records have the same
number of fields, and by how many fields are what a single field is.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from countinghouse.inference.instants_seen import patterns
from countinghouse.inference.numbers_seen import is_number
from countinghouse.landing.formats.csv_records import records
from countinghouse.landing.formats.dialect import Dialect
from countinghouse.landing.formats.shape import Record
from countinghouse.landing.formats.text import FileBroken

USUAL = ",;\t|"
RARE = "^~:\x01\x1f "
_RECORDS = 500
_CELLS = 4000
_MOST_PREAMBLE = 30
_DOUBTED = 0.9
# A text that begins with a letter and parts no fields.
_PLAIN_TEXT = re.compile(r"[^\W\d_][^,;\t|\x01\x1f\"]*")
_CODE = re.compile(r"[\w.+/=#@*%$€()&\\'-]+(?: [\w.+/=#@*%$€()&\\'-]+)*")


@dataclass(frozen=True)
class Reading:
    """What a dialect makes of the beginning of a file: records before the table, and its width."""

    dialect: Dialect
    score: float
    width: int
    preamble_records: int
    found: tuple[Record, ...]
    # Physical lines before the table, and those up to the end of its first record.
    preamble: int = 0
    first_lines: int = 1

    @property
    def table(self) -> list[Sequence[str | None]]:
        """The records of the table, its header included."""
        found = self.found[self.preamble_records :]
        return [r.fields for r in found if not r.error and len(r.fields) == self.width]


def readings(lines: Sequence[str]) -> list[Reading]:
    """The dialects that make something of a file's first lines, best first."""
    quotes = dict(_quotes(lines))
    found = [_read(lines, Dialect(d, *q), trust) for d in USUAL for q, trust in quotes.items()]
    if max(reading.score for reading in found) < 0.5:
        found += [_read(lines, Dialect(d, *q), trust) for d in RARE for q, trust in quotes.items()]
    # The sort is stable: of equals the more usual comes first.
    return sorted(found, key=lambda reading: -reading.score)


def _quotes(lines: Sequence[str]) -> Iterator[tuple[tuple[str, str], float]]:
    """Quote and escape by pairs, only those of which there is a trace, each with its trust.

    What is trusted less has to make clearly more of the file.
    """
    text = "".join(lines)
    escapes = '"', "\\"
    # Every backslash stands before what needs one: it is an escape even if it breaks no record.
    is_escape = "\\" in text and "\\" not in re.sub(r"\\[\\\"]", "", text)
    if is_escape:
        yield escapes, 1
    yield ('"', ""), 1
    if "\\" in text and not is_escape:
        yield escapes, _DOUBTED
    if '"' in text:
        yield ("", ""), _DOUBTED
    if re.search(r"(?:^|[,;\t|])'[^'\r\n]*'(?:[,;\t|\r\n]|$)", text, re.M):
        yield ("'", ""), 1
        if "\\" in text:
            yield ("'", "\\"), _DOUBTED


def _read(lines: Sequence[str], dialect: Dialect, trust: float) -> Reading:
    found: list[Record] = []
    try:
        found += itertools.islice(records(iter(lines), dialect), _RECORDS)
    except FileBroken:
        return Reading(dialect, 0, 0, 0, ())
    widths = Counter(len(record.fields) for record in found if not record.error)
    if not widths:
        return Reading(dialect, 0, 0, 0, tuple(found))
    width = max(widths, key=lambda w: (widths[w], w))
    start = next(n for n, r in enumerate(found) if not r.error and len(r.fields) == width)
    if start > _MOST_PREAMBLE:
        start = 0
    preamble = _lines_before(lines, found[:start]) if start else 0
    # Empty lines before a table without preamble go with its first record.
    first = _lines_of(found[start]) + (0 if start else _behind_empty(lines, 0))
    score = trust * _score(found, width, start)
    return Reading(dialect, score, width, start, tuple(found), preamble, first)


def _lines_before(lines: Sequence[str], skipped: Sequence[Record]) -> int:
    """Physical lines of the records and of the empty lines around them."""
    at = _behind_empty(lines, 0)
    for record in skipped:
        at = _behind_empty(lines, at + _lines_of(record))
    return at


def _behind_empty(lines: Sequence[str], at: int) -> int:
    while at < len(lines) and not lines[at].strip("\r\n"):
        at += 1
    return at


def _lines_of(record: Record) -> int:
    # Reading goes on behind the first line of a broken record.
    return 1 if record.error else max(1, len(re.findall(r"\r\n|\r|\n", record.raw)))


def _score(found: Sequence[Record], width: int, start: int) -> float:
    """Between 0 and 1: whole records, single-valued fields, several columns."""
    body = found[start:]
    fitting = [r.fields for r in body if not r.error and len(r.fields) == width]
    # Whether a backslash is dropped or kept tells nothing.
    cells = [(cell or "").replace("\\", "") for fields in fitting for cell in fields][:_CELLS]
    single = sum(map(_is_one_value, cells)) / max(1, len(cells))
    wholeness = (len(fitting) / len(body)) ** 2
    return wholeness * single * (width / (width + 0.3) if width > 1 else 0.5)


def _is_one_value(text: str) -> bool:
    if not text or patterns(text) or is_number(text):
        return True
    if _PLAIN_TEXT.fullmatch(text) or _CODE.fullmatch(text):
        return '"' not in text
    # Free text with its own punctuation: a blank after each mark.
    return bool(re.match(r"[^\W\d_]", text)) and not re.search(r"[,;\t|]\S|\"", text)
