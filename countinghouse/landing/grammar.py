"""Records of a CSV dialect by its grammar: the counterpart of `records`, which it checks."""

import re
from collections import deque
from collections.abc import Iterator

from countinghouse.landing.records import Dialect
from countinghouse.landing.text import LONGEST, MOST_BROKEN, FileBroken, TooLong


class Grammar:
    """The dialect as regular expressions that never go back."""

    def __init__(self, dialect: Dialect) -> None:
        delimiter, quote = re.escape(dialect.delimiter), re.escape(dialect.quote)
        inside = f"(?:[^{quote}]|{quote}{quote})*+"
        bare = f"(?!{quote})[^{delimiter}\r\n]*+"
        one = f"(?:{quote}{inside}{quote}|{bare})"
        # How a line that begins a record may end, then how one that begins inside of quotes may.
        rest = f"(?:{delimiter}{one})*+"
        self._whole = re.compile(f"{one}{rest}")
        self._opens = re.compile(f"(?:{one}{delimiter})*+{quote}{inside}")
        self._closes = re.compile(f"{inside}{quote}{rest}")
        self._stays = re.compile(f"{inside}(?:{quote}{rest}{delimiter}{quote}{inside})?")
        self._field = re.compile(
            f"(?:{quote}({inside}){quote}|([^{delimiter}]*+))({delimiter}|\\Z)"
        )
        self._dialect = dialect

    def records(self, lines: Iterator[str]) -> Iterator[str | None]:
        """Every record without its line end; None for one that breaks the dialect."""
        again: deque[str] = deque()
        broken = 0
        while (line := again.popleft() if again else next(lines, None)) is not None:
            if line in ("\n", "\r", "\r\n"):
                continue
            if isinstance(line, TooLong) or self._dialect.quote in line:
                record, ahead = self._quoted(line, again, lines)
                again.extendleft(reversed(ahead))
                broken += record is None
                if broken > MOST_BROKEN:
                    raise FileBroken(f"more than {MOST_BROKEN} records that break the dialect")
                yield record
            else:
                yield line.rstrip("\r\n")

    def fields(self, record: str) -> list[str]:
        """The values of a record's fields."""
        quote = self._dialect.quote
        if quote not in record:
            return record.split(self._dialect.delimiter)
        found: list[str] = []
        for match in self._field.finditer(record):
            quoted = match[1]
            found.append(match[2] if quoted is None else quoted.replace(quote * 2, quote))
            if not match[3]:
                break
        return found

    def _quoted(
        self, first: str, again: deque[str], lines: Iterator[str]
    ) -> tuple[str | None, list[str]]:
        """The record that starts at `first`, or None with the lines that were read in vain."""
        taken, length = [first], 0
        complete, unfinished = self._whole, self._opens
        while not isinstance(taken[-1], TooLong):
            length += len(taken[-1])
            if len(taken) > 1 and length > LONGEST:
                break
            if complete.fullmatch(_without_end(taken[-1])):
                return _without_end("".join(taken)), []
            if not unfinished.fullmatch(taken[-1]):
                break
            line = again.popleft() if again else next(lines, None)
            if line is None:
                break
            taken.append(line)
            complete, unfinished = self._closes, self._stays
        return None, taken[1:]


def _without_end(text: str) -> str:
    for end in ("\r\n", "\n", "\r"):
        if text.endswith(end):
            return text[: -len(end)]
    return text
