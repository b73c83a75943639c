"""A column's values, read once: which types take all of them, and what was measured."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from countinghouse.inference.instants_seen import Pattern, day_of, patterns
from countinghouse.inference.numbers_seen import NOTATIONS, Notation, Numbers

# Words for nothing.
ABSENT = {
    "NA", "N/A", "n/a", "na", "N.A.", "n.a.", "#N/A", "#NA", "NULL", "Null", "null", "(null)",
    "None", "none", "NaN", "nan", "NAN", "-", "--", "?", ".", "\\N", "(none)", "NaT",
}  # fmt: skip
_SENTINELS = {
    f"{day}{clock}"
    for day in ("0000-00-00", "0001-01-01", "9999-12-31", "9999-01-01", "00000000", "99991231")
    for clock in ("", " 00:00:00", "T00:00:00", "T00:00:00Z", " 23:59:59", "T23:59:59Z")
} | {"0"}
_TRUTH = [{"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"}, {"1", "0"}]
_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,37})", re.ASCII)
# Texts that a type does not take and that are shown to a person instead of killing the type.
_FEW = 3
_DISTINCT = 50_000
_SAMPLE = 1000
# Characters: longer texts are no codes, and would fill the memory.
_REMEMBERED = 100


@dataclass
class Kept:
    """How far a type takes the values: `failed` are the first that it does not."""

    failed: list[str] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        """Whether so few are refused that a person should hear of them."""
        return len(self.failed) <= _FEW


@dataclass
class Profile:
    """What is known of a column; `header` is its name in the file."""

    header: str
    # Written as text by a source that has numbers too: digits alone are then a code.
    is_text: bool = False
    optional: bool = False
    nested: bool = False
    rows: int = 0
    empty: int = 0
    # An empty text came, which JSON and Parquet tell from none.
    blank: bool = False
    shortest: int = 0
    longest: int = 0
    absent: Counter[str] = field(default_factory=Counter)
    sentinels: Counter[str] = field(default_factory=Counter)
    words: set[str] | None = field(default_factory=set)
    sample: list[str] = field(default_factory=list)
    distinct: set[str] = field(default_factory=set)
    # Integers are the same in every notation, ungrouped numbers in every one of their mark.
    integers: Numbers = field(default_factory=Numbers)
    ungrouped: dict[str, Numbers] = field(default_factory=dict)
    grouped: dict[Notation, tuple[Numbers, Kept]] = field(default_factory=dict)
    formats: list[Pattern] | None = None
    times: Kept = field(default_factory=Kept)
    first_time: str = ""
    last_time: str = ""
    last_day: dt.date = dt.date.min
    # Whether a time came without an offset, and is local somewhere.
    local: bool = False

    def __post_init__(self) -> None:
        self.ungrouped = {mark: Numbers(Notation(mark)) for mark in (".", ",")}
        self.grouped = {notation: (Numbers(notation), Kept()) for notation in NOTATIONS}

    def take(self, values: Sequence[str | None]) -> None:
        """Note the values of a column in a batch of records."""
        self.rows += len(values)
        counts = Counter(values)
        self.blank |= "" in counts
        self.empty += counts.pop(None, 0) + counts.pop("", 0)
        for text, count in counts.items():
            assert text is not None
            if text in ABSENT or text.isspace():
                self.absent[text] += count
            elif text in self.distinct:
                if text in _SENTINELS:
                    self.sentinels[text] += count
            else:
                self._take_new(text, count)

    def _take_new(self, text: str, count: int) -> None:
        if len(self.distinct) < _DISTINCT and len(text) <= _REMEMBERED:
            self.distinct.add(text)
        if len(self.sample) < _SAMPLE:
            self.sample.append(text[:_REMEMBERED])
        self.shortest = min(self.shortest or len(text), len(text))
        self.longest = max(self.longest, len(text))
        if self.words is not None:
            self.words.add(text[:_REMEMBERED].lower())
            if len(self.words) > 2:
                self.words = None
        self._take_number(text)
        if text in _SENTINELS:
            self.sentinels[text] += count
        else:
            self._take_time(text)

    def _take_number(self, text: str) -> None:
        if not self.grouped:
            return
        if _INTEGER.fullmatch(text):
            value = int(text)
            self.integers.take_whole(value, negative_zero=not value and text[0] == "-")
            return
        taken = {mark for mark, numbers in self.ungrouped.items() if numbers.take(text)}
        for notation, (numbers, kept) in list(self.grouped.items()):
            if notation.decimal_mark in taken or (notation.thousands and numbers.take(text)):
                continue
            kept.failed.append(text)
            if not kept.alive:
                del self.grouped[notation]
        alive = {notation.decimal_mark for notation in self.grouped}
        self.ungrouped = {m: numbers for m, numbers in self.ungrouped.items() if m in alive}

    def _take_time(self, text: str) -> None:
        if not self.times.alive:
            return
        found = patterns(text)
        left = found if self.formats is None else [p for p in self.formats if p in found]
        if not left:
            self.times.failed.append(text)
            return
        self.formats = list(left)
        self.local |= ":" in text and not text.endswith("Z") and text[-6:-5] not in ("+", "-")
        self.first_time = min(self.first_time or text, text)
        self.last_time = max(self.last_time, text)
        if self.formats[0].pattern:
            self.last_day = max(self.last_day, day_of(text, self.formats[0].pattern))

    @property
    def never_empty(self) -> bool:
        """Whether every row has a value."""
        return not self.empty and not self.optional

    @property
    def is_boolean(self) -> bool:
        """Whether all values are one of a pair of words, both of it or a word as true or false."""
        if not self.words or self.absent:
            return False
        return self.words <= _TRUTH[0] or any(self.words == pair for pair in _TRUTH[1:-1])

    @property
    def is_truth(self) -> bool:
        """Whether the values could be truth if the column's name says so."""
        return bool(self.words) and any((self.words or set()) <= pair for pair in _TRUTH)

    def number(self, notation: Notation) -> Numbers | None:
        """The numbers, if all values are numbers of the notation."""
        numbers, failed = self.nearly(notation)
        return numbers if numbers and numbers.known and not failed else None

    def nearly(self, notation: Notation) -> tuple[Numbers | None, list[str]]:
        """The numbers, and the values that are none; nothing if there are many of these."""
        numbers, kept = self.grouped.get(notation, (None, None))
        if numbers is None or kept is None:
            return None, []
        return self.integers + self.ungrouped[notation.decimal_mark] + numbers, kept.failed

    @property
    def time(self) -> Pattern | None:
        """The strictest pattern of all values, if all are dates or times."""
        return self.formats[0] if self.formats and not self.times.failed else None
