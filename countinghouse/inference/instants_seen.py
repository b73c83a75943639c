"""Dates and times as they are written: the patterns under which landing reads a text."""

import calendar
import datetime as dt
import functools
import re
from typing import NamedTuple

from countinghouse.landing.instants import FIRST_YEAR, LAST_YEAR


class Pattern(NamedTuple):
    """A type and the pattern that its column declares; none for what landing reads without."""

    type: str
    pattern: str = ""

    @property
    def is_compact(self) -> bool:
        """Whether it reads digits alone, which only the column's name tells from a number."""
        return self.pattern in ("yyyyMMdd", "yyyyMMddHHmmss")

    @property
    def is_month(self) -> bool:
        """Whether it reads a month, as its first day."""
        return self.pattern in ("yyyy-MM", "yyyy/MM")


_TIME = (
    r"(?:(?P<gap>[ T])(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.](?P<f>\d{1,6}))?)?"
    r"(?P<half> ?[AaPp][Mm])?(?P<zone>Z|[+-]\d{2}:?\d{2}| UTC| GMT)?)?"
)
_FORMS = [
    re.compile(form + _TIME, re.ASCII)
    for form in (
        r"(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})",
        r"(?P<d>\d{1,2})(?P<s>[-/. ])(?P<m>\d{1,2})(?P=s)(?P<y>\d{4}|\d{2})",
        r"(?P<d>\d{1,2})(?P<s>[- /.])(?P<name>[A-Za-z]{3,9})(?P=s)(?P<y>\d{4}|\d{2})",
        r"(?P<name>[A-Za-z]{3,9})(?P<s> )(?P<d>\d{1,2}), (?P<y>\d{4})",
    )
]
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d))?", re.ASCII)
_MONTH = re.compile(r"(\d{4})([-/])(\d\d)", re.ASCII)
_MONTHS = [name.lower() for name in calendar.month_name[1:]]
_DIRECTIVES = {"yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b"} | dict.fromkeys(
    ("MM", "M"), "%m"
)
_DIRECTIVES |= dict.fromkeys(("dd", "d"), "%d")
_SHORTEST, _LONGEST = 6, 40


def patterns(text: str) -> tuple[Pattern, ...]:
    """Every pattern that reads the text as a day that is in the calendar, strictest first."""
    return _patterns(text) if _SHORTEST <= len(text) <= _LONGEST else ()


@functools.lru_cache(maxsize=1 << 16)
def _patterns(text: str) -> tuple[Pattern, ...]:
    if match := _COMPACT.fullmatch(text):
        return _compact(*match.groups())
    if match := _MONTH.fullmatch(text):
        year, mark, month = match.groups()
        return (Pattern("date", f"yyyy{mark}MM"),) if _is_day(year, month, "01") else ()
    for form in _FORMS:
        if match := form.fullmatch(text):
            return tuple(_of_parts(match.groupdict()))
    return ()


def day_of(text: str, pattern: str) -> dt.date:
    """The day that a text means under a pattern that reads it."""
    if pattern.startswith("yyyyMMdd"):
        return dt.date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    letters = re.split(r" [hH]|'T'", pattern)[0]
    form = re.sub(r"[yMd]+", lambda run: _DIRECTIVES[run[0]], letters)
    return dt.datetime.strptime(re.split(r"[ T][0-9]{1,2}:", text)[0], form).date()


def _compact(
    year: str, month: str, day: str, hour: str | None, minute: str | None, second: str | None
) -> tuple[Pattern, ...]:
    if not _is_day(year, month, day):
        return ()
    if hour is None or minute is None or second is None:
        return (Pattern("date", "yyyyMMdd"),)
    timely = int(hour) < 24 and int(minute) < 60 and int(second) < 60
    return (Pattern("timestamp", "yyyyMMddHHmmss"),) if timely else ()


def _of_parts(part: dict[str, str | None]) -> list[Pattern]:
    days = _day_patterns(part)
    if part["H"] is None:
        return [Pattern("date", "" if day == "yyyy-MM-dd" else day) for day in days]
    found: list[Pattern] = []
    for day in days:
        if day == "yyyy-MM-dd" and _is_plain_time(part):
            found.append(Pattern("timestamp"))
        # A gap that is a letter stands in quotes.
        gap = "'T'" if part["gap"] == "T" else " "
        found += [Pattern("timestamp", day + gap + time) for time in _time_patterns(part)]
    return found


def _day_patterns(part: dict[str, str | None]) -> list[str]:
    mark, year, day, month = part["s"], part["y"] or "", part["d"] or "", part.get("m")
    years = "y" * len(year)
    if month is None:
        return _named_month(part, years, day, year)
    wide = len(day) == len(month) == 2
    if len(year) == 4 and part["s"] != " " and _begins_with_year(part):
        shapes = ["yyyy{0}MM{0}dd"] * wide + ["yyyy{0}M{0}d"]
        return [s.format(mark) for s in shapes] if _is_day(year, month, day) else []
    century = "20" if len(year) == 2 else ""
    found: list[str] = []
    if _is_day(century + year, month, day):
        found += [s.format(mark, years) for s in ["dd{0}MM{0}{1}"] * wide + ["d{0}M{0}{1}"]]
    if mark != "." and _is_day(century + year, day, month):
        found += [s.format(mark, years) for s in ["MM{0}dd{0}{1}"] * wide + ["M{0}d{0}{1}"]]
    return found


def _begins_with_year(part: dict[str, str | None]) -> bool:
    return next(iter(part)) == "y"


def _named_month(part: dict[str, str | None], years: str, day: str, year: str) -> list[str]:
    name = (part["name"] or "").lower()
    numbers = [n for n, month in enumerate(_MONTHS, 1) if name in (month, month[:3])]
    century = "20" if len(year) == 2 else ""
    if not numbers or not _is_day(century + year, str(numbers[0]), day):
        return []
    # May is short and long.
    letters = [m for m, wanted in (("MMM", 3), ("MMMM", 0)) if not wanted or len(name) == wanted]
    letters = [m for m in letters if m == "MMM" or name in _MONTHS]
    days = ["dd", "d"] if len(day) == 2 else ["d"]
    if next(iter(part)) == "name":
        return [f"{m} {d}, {years}" for m in letters for d in days]
    return [f"{d}{part['s']}{m}{part['s']}{years}" for m in letters for d in days]


def _is_plain_time(part: dict[str, str | None]) -> bool:
    """Whether landing reads the time without a pattern."""
    zone = part["zone"] or ""
    plain_zone = zone in ("", "Z") or ":" in zone
    return bool(_time_patterns(part)) and len(part["H"] or "") == 2 and not part["half"] \
        and plain_zone  # fmt: skip


def _time_patterns(part: dict[str, str | None]) -> list[str]:
    hour, minute, second = int(part["H"] or 0), int(part["M"] or 0), int(part["S"] or 0)
    half = part["half"]
    if minute > 59 or second > 59 or (not 1 <= hour <= 12 if half else hour > 23):
        return []
    letter = "h" if half else "H"
    hours = [letter * 2, letter] if len(part["H"] or "") == 2 else [letter]
    rest = [":mm"] if part["S"] is None else [":mm:ss", ":mm:ss[.SSSSSS]"]
    if part["f"] is not None:
        rest = [":mm:ss[.SSSSSS]"]
    end = (" a" if half and half[0] == " " else "a" if half else "") + _zone_letters(part["zone"])
    return [h + r + end for h in hours for r in rest]


def _zone_letters(zone: str | None) -> str:
    if not zone:
        return ""
    if zone.startswith(" "):
        return " VV"
    return "XXX" if ":" in zone or zone == "Z" else "XX"


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        dt.date(int(year), int(month), int(day))
    except ValueError:
        return False
    return FIRST_YEAR <= int(year) <= LAST_YEAR
