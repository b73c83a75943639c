"""Which patterns of dates and times the engine takes for parsing, and means as they are meant.

Spark's DateTimeFormatterHelper refuses letters of Java's DateTimeFormatter; the others have counts.
"""

import re
from collections.abc import Collection

_COUNTS: dict[str, Collection[int]] = {
    "G": range(1, 5),
    "y": range(1, 7),
    **dict.fromkeys("ML", range(1, 5)),
    "D": range(1, 4),
    **dict.fromkeys("dHhKkms", range(1, 3)),
    "S": range(1, 10),
    "a": (1,),
    "V": (2,),
    "O": (1, 4),
    "z": range(1, 5),
    **dict.fromkeys("XxZ", range(1, 6)),
}


def problem(pattern: str) -> str:
    """Why the engine would refuse or misread the pattern; empty if it would not."""
    if pattern.count("'") % 2:
        return "has a quote without its other one"
    bare = re.sub(r"'[^']*'", " ", pattern)
    if reserved := re.search(r"[#{}\\]", bare):
        return f"has {reserved[0]!r} outside quotes"
    if not _balanced(bare):
        return "has a bracket without its other one"
    for run in re.finditer(r"([A-Za-z])\1*", bare):
        if len(run[0]) not in _COUNTS.get(run[1], ()):
            return f"has {run[0]}, which the engine does not parse"
    return _misread(set(bare))


def _misread(letters: set[str]) -> str:
    month = bool(letters & set("ML"))
    if "y" not in letters:
        return "has no year (yyyy)"
    if "D" in letters and (month or "d" in letters):
        return "has D, the day of the year, beside a month or its day (dd)"
    # The engine would take January.
    if "d" in letters and not month:
        return "has a day (dd) and no month (MM; mm is the minute)"
    return ""


def _balanced(bare: str) -> bool:
    depth = 0
    for mark in re.findall(r"[\[\]]", bare):
        depth += 1 if mark == "[" else -1
        if depth < 0:
            return False
    return depth == 0
