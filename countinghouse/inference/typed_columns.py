"""The type of each column, under which landing takes every value that was seen."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from countinghouse.inference import meanings
from countinghouse.inference.column_profile import Profile
from countinghouse.inference.instants_seen import Pattern
from countinghouse.inference.numbers_seen import NOTATIONS, Notation, Numbers

_SHOWN = 8
_SHOWN_LENGTH = 24
_DAY_AND_MONTH = re.compile(r"\b(dd?|MM?)\b[-/ ]\b(dd?|MM?)\b")


@dataclass
class TypedColumn:
    """A column as it is declared; `decide` are the questions that it leaves to a person."""

    name: str
    profile: Profile
    type: str = "string"
    measured: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    decide: list[str] = field(default_factory=list)
    numbers: Numbers | None = None

    @property
    def complete(self) -> bool:
        """Whether every row has a value."""
        return self.profile.never_empty and not self.absent and self.profile.rows > 0

    @property
    def is_fraction(self) -> bool:
        """Whether it holds numbers that are not whole."""
        return self.type.startswith("decimal") and not self.type.endswith(",0)")

    @property
    def private(self) -> bool:
        """Whether its values may identify a person: none of them is quoted."""
        return self.meta.get("pii") == "high"


def notation_of(profiles: Sequence[Profile], delimiter: str) -> tuple[Notation, str]:
    """The notation in which most columns are numbers; and why a person should look at it."""
    found = Counter({n: sum(_speaks_for(n, p, delimiter) for p in profiles) for n in NOTATIONS})
    best = max(NOTATIONS, key=lambda notation: found[notation])
    comma, grouped = Notation(",", ""), Notation(".", ",")
    numbers = [known for profile in profiles if (known := profile.number(comma))]
    if best == comma and found[grouped] == found[comma] and not any(n.ragged for n in numbers):
        if delimiter != ";":
            best = grouped
        return best, "1,234 may be a fraction or more than a thousand: no number of the file tells"
    if best.is_plain:
        return best, ""
    marks = f"decimal mark {best.decimal_mark!r}"
    return best, marks + (f", thousands parted by {best.thousands!r}" if best.thousands else "")


def _speaks_for(notation: Notation, profile: Profile, delimiter: str) -> bool:
    """Whether a column is one of numbers; a list such as 2,2 is none where commas part columns."""
    numbers = profile.number(notation)
    if numbers is None:
        return False
    quoted_mark = delimiter in (notation.decimal_mark, notation.thousands)
    return not (quoted_mark and numbers.marked and 2 * numbers.marked < numbers.taken)


def typed_column(name: str, profile: Profile, notation: Notation) -> TypedColumn:
    """The type that takes all values of a column."""
    column = TypedColumn(name, profile)
    if profile.nested:
        column.meta["nested"] = True
        column.measured = "JSON object or list"
    elif not profile.sample:
        column.measured = (
            "without any value" if not profile.absent else "only " + _listed(sorted(profile.absent))
        )
    elif why := meanings.person(name, profile):
        column.meta["pii"] = "high"
        column.decide.append(f"pii: {why}; high lands a hash, none the value")
        column.measured = f"text of {_lengths(profile)}"
    elif not (_boolean(column) or _time(column) or _number(column, notation)):
        _text(column, notation)
    _absences(column)
    return column


def _boolean(column: TypedColumn) -> bool:
    profile = column.profile
    if not (profile.is_boolean or (profile.is_truth and meanings.flag(column.name))):
        return False
    column.type = "boolean"
    column.measured = f"truth value, written {_listed(sorted(profile.distinct))}"
    return True


def _time(column: TypedColumn) -> bool:
    profile, pattern = column.profile, column.profile.time
    if pattern is None or (profile.is_text and pattern.is_compact):
        return False
    if (pattern.is_compact or pattern.is_month) and not meanings.date(column.name):
        return False
    column.type = pattern.type
    if pattern.pattern:
        column.meta["format"] = pattern.pattern
    column.absent = sorted({*profile.absent, *profile.sentinels})
    what = "day" if pattern.type == "date" else "time"
    written = f" written {pattern.pattern}" if pattern.pattern else ""
    between = f", {profile.first_time} to {profile.last_time}" if not pattern.pattern else ""
    column.measured = f"{what}{written}{between}"
    _doubts_of_time(column, pattern)
    return True


def _doubts_of_time(column: TypedColumn, pattern: Pattern) -> None:
    profile = column.profile
    if _is_ambiguous(profile):
        column.decide.append("day or month first? no day above 12 tells")
    if pattern.is_month:
        column.decide.append("a month becomes its first day")
    if profile.sentinels:
        column.decide.append(f"{_listed(sorted(profile.sentinels))} is read as no date")


def _is_ambiguous(profile: Profile) -> bool:
    """Whether the formats left disagree on what is the day."""
    orders = set()
    for pattern in profile.formats or ():
        if match := _DAY_AND_MONTH.search(pattern.pattern):
            orders.add(match[1][0])
    return len(orders) > 1


def _number(column: TypedColumn, notation: Notation) -> bool:
    profile, numbers = column.profile, column.profile.number(notation)
    if numbers is None or (profile.is_text and not numbers.points):
        return False
    whole = not numbers.points or meanings.count(column.name)
    if numbers.fits_bigint and whole:
        column.type = "bigint"
    elif (size := numbers.decimal()) is None:
        return False
    else:
        column.type = f"decimal({size[0]},{size[1]})"
        _rounding(column, numbers, size[1])
    if numbers.exponents and "round_within" not in column.meta:
        column.meta["scientific"] = True
    column.numbers = numbers
    column.absent = sorted(profile.absent)
    kind = "integer" if column.type == "bigint" else f"number with up to {numbers.places} decimals"
    column.measured = f"{kind}, {numbers.least:f} to {numbers.greatest:f}"
    return True


def _rounding(column: TypedColumn, numbers: Numbers, scale: int) -> None:
    if within := numbers.round_within(scale):
        column.meta["round_within"] = within
        tiny = _listed([f"{value:E}" for value in sorted(numbers.tiny)[:_SHOWN]])
        column.decide.append(f"round_within: {tiny} has more decimals than a decimal; rounded")


def _text(column: TypedColumn, notation: Notation) -> None:
    profile = column.profile
    few = len(profile.distinct) <= _SHOWN and profile.longest <= _SHOWN_LENGTH
    kinds = f": {_listed(sorted(profile.distinct))}" if few else f" of {_lengths(profile)}"
    column.measured = f"text{kinds}"
    if tokens := sorted(token for token in profile.absent if not token.isspace()):
        column.decide.append(f"{_listed(tokens)} stays a text; null_values if not")
    numbers, failed = profile.nearly(notation)
    if numbers and numbers.known and failed and len(profile.distinct) > 10:
        column.decide.append(f"a number but for {_listed(failed)}")
    elif numbers and numbers.known and numbers.negative_zero and not failed:
        column.decide.append("decimal, if its negative zeros (-0.0) may be quarantined")
    elif _is_nearly_time(profile):
        column.decide.append(f"a date or time but for {_listed(profile.times.failed)}")
    if meanings.maybe_person(column.name):
        column.decide.append("pii: may it name a person?")


def _is_nearly_time(profile: Profile) -> bool:
    formats = profile.formats
    many = len(profile.distinct) > 10
    return many and bool(formats and profile.times.failed and not formats[0].is_compact)


def _absences(column: TypedColumn) -> None:
    """Whether there is always a value, and what pseudonyms are."""
    profile = column.profile
    if meanings.pseudonym(column.name) and not column.private:
        column.meta["pii"] = "low"
    empty = profile.empty + sum(
        (profile.absent + profile.sentinels)[token] for token in column.absent
    )
    if profile.optional:
        column.meta["optional"] = True
    if column.complete:
        column.meta["nullable"] = False
        column.measured += ", never empty"
    elif profile.sample:
        column.measured += f", empty in {empty} of {profile.rows} rows"
    if column.absent:
        column.measured += f" ({_listed(column.absent)} counts as empty)"


def _lengths(profile: Profile) -> str:
    lengths = f"{profile.shortest} to {profile.longest}"
    return f"{profile.longest if profile.shortest == profile.longest else lengths} characters"


def _listed(values: Sequence[str]) -> str:
    shown = [value[:_SHOWN_LENGTH] for value in values[:_SHOWN]]
    return ", ".join(map(repr, shown)) + (", ..." if len(values) > _SHOWN else "")
