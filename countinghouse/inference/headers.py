"""Whether the first record of a table names its columns, and what the columns are called."""

import re
import unicodedata
from collections.abc import Sequence

from countinghouse.inference.column_profile import ABSENT
from countinghouse.inference.instants_seen import patterns
from countinghouse.inference.numbers_seen import is_number

_TRUTH = {"true", "false"}
_NAME = re.compile(r"(?=.*[^\W\d_])(?!.*(?:@|://))[^\r\n]{1,100}")
_RESERVED = {"dt"}
_LONGEST = 63
_DECISIVE = 1000


def has_header(table: Sequence[Sequence[str | None]]) -> tuple[bool, str]:
    """Whether the first of some records is a header; and why a person should look at it."""
    if not table:
        return True, ""
    first, rest = [text or "" for text in table[0]], table[1:]
    if any(_is_value(text) for text in first):
        return False, ""
    named = [text for text in first if text]
    if not named or not all(map(_NAME.fullmatch, named)):
        return False, "the first record has texts that are no names"
    votes = sum(_vote(text, [row[n] or "" for row in rest]) for n, text in enumerate(first))
    if votes < 0:
        return False, "the first record looks like the others"
    doubtful = votes == 0 and (bool(rest) or len(named) == 1)
    return True, "the first record could as well be data" if doubtful else ""


def _vote(name: str, column: Sequence[str]) -> int:
    """Positive if the name is unlike the values below it."""
    values = [text for text in column if text]
    if not name or not values or name in ABSENT:
        return 0
    if all(_is_value(text) or text in ABSENT for text in values):
        return _DECISIVE
    if name in values:
        return -2
    lengths = {len(text) for text in values}
    if len(values) > 2 and len(lengths) == 1:
        return 1 if len(name) not in lengths else -1
    return 0


def _is_value(text: str) -> bool:
    """Whether a text is a number, a date or a truth value, and so no name."""
    text = text.strip()
    if text.lower() in _TRUTH or patterns(text):
        return True
    return is_number(text) or bool(re.fullmatch(r"0\d+", text))


def column_names(headers: Sequence[str]) -> list[str]:
    """Names for columns, in lower case with underscores, all different and none of landing's."""
    found: list[str] = []
    for n, header in enumerate(headers, 1):
        name = snake(header) or f"column_{n}"
        if name in _RESERVED:
            name = f"source_{name}"
        base, again = name, 2
        while name in found:
            name = f"{base[: _LONGEST - 4]}_{again}"
            again += 1
        found.append(name)
    return found


def snake(text: str) -> str:
    """A text as an identifier; empty if nothing of it can stand in one."""
    plain = text.replace("ß", "ss").replace("%", " percent ").replace("&", " and ")
    plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    plain = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", plain)
    plain = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", plain)
    plain = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_").lower()
    if plain and not plain[0].isalpha():
        plain = f"n_{plain}"
    return plain[:_LONGEST].rstrip("_")
