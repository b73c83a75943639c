"""Numbers with another decimal mark, or with thousands parted: made plain before they are read.

What is not written as declared stays recognisable as no number: `1,234.56` is no amount of a feed
whose decimal mark is the comma.
"""

import re
from collections.abc import Callable

from countinghouse.contracts import Column, Format

_KINDS = ("int", "bigint", "decimal")
# In front of what is not written as declared.
_WRONG = "?"


def is_foreign(declared: Format, column: Column) -> bool:
    """Whether the texts of a column have to be made plain."""
    marks = (declared.decimal_mark, declared.thousands)
    return marks != (".", "") and column.parsed.name in _KINDS


def plain_sql(declared: Format, text: str) -> str:
    """SQL of a number's text in plain notation."""
    without = f"replace({text}, {_quoted(declared.thousands)}, '')" if declared.thousands else text
    plain = f"replace({without}, {_quoted(declared.decimal_mark)}, '.')"
    pattern = _pattern(declared)
    wrong = f"concat('{_WRONG}', {text})"
    return f"case when {text} rlike {_quoted(pattern)} then {plain} else {wrong} end"


def plain(declared: Format) -> Callable[[str], str]:
    """The same in Python."""
    pattern = re.compile(_pattern(declared).replace(r"\z", r"\Z"))
    thousands = {declared.thousands: ""} if declared.thousands else {}
    translation = str.maketrans({declared.decimal_mark: "."} | thousands)

    def made_plain(text: str) -> str:
        return text.translate(translation) if pattern.match(text) else _WRONG + text

    return made_plain


def _pattern(declared: Format) -> str:
    mark, parted = re.escape(declared.decimal_mark), "[0-9]*"
    if declared.thousands:
        parted = rf"([0-9]{{1,3}}({re.escape(declared.thousands)}[0-9]{{3}})+|[0-9]*)"
    return rf"^[+-]?{parted}({mark}[0-9]*)?([eE][+-]?[0-9]{{1,3}})?\z"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
