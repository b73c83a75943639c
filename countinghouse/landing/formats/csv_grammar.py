"""Records of a CSV dialect by its grammar: the counterpart of `csv_records`, which it checks."""

import re
from collections import deque
from collections.abc import Iterator

from countinghouse.landing.formats.dialect import Dialect
from countinghouse.landing.formats.text import LONGEST, MOST_BROKEN, FileBroken, TooLong


class Grammar:
    """The dialect as regular expressions that never go back."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._unescape = re.compile(f"{re.escape(dialect.escape)}([\\s\\S])")
        if not dialect.quote:
            return
        delimiter, quote = re.escape(dialect.delimiter), re.escape(dialect.quote)
        escape = re.escape(dialect.escape)
        pairs, escaped = f"{quote}{quote}", ""
        if escape:
            pairs += f"|{escape}[\\s\\S]"
            escaped = f"|{escape}[^\r\n]"
        inside = f"(?:[^{quote}{escape}]|{pairs})*+"
        bare = f"(?!{quote})(?:[^{delimiter}\r\n{escape}]{escaped})*+"
        one = f"(?:{quote}{inside}{quote}|{bare})"
        # How a line that begins a record may end, then how one that begins inside of quotes may.
        rest = f"(?:{delimiter}{one})*+"
        self._whole = re.compile(f"{one}{rest}")
        self._opens = re.compile(f"(?:{one}{delimiter})*+{quote}{inside}")
        self._closes = re.compile(f"{inside}{quote}{rest}")
        self._stays = re.compile(f"{inside}(?:{quote}{rest}{delimiter}{quote}{inside})?")
        self._field = re.compile(
            f"(?:{quote}({inside}){quote}|((?:[^{delimiter}{escape}]{escaped})*+))({delimiter}|\\Z)"
        )

    def is_whole(self, record: str) -> bool:
        """Whether a text, its line end included, is one record."""
        return bool(self._whole.fullmatch(_without_end(record)))

    def records(self, lines: Iterator[str]) -> Iterator[str | None]:
        """Every record without its line end; None for one that breaks the dialect."""
        again: deque[str] = deque()
        broken = 0
        while (line := again.popleft() if again else next(lines, None)) is not None:
            if line in ("\n", "\r", "\r\n"):
                continue
            if isinstance(line, TooLong) or self._is_special(line):
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
        if not self._is_special(record):
            return record.split(self._dialect.delimiter)
        found: list[str] = []
        for match in self._field.finditer(record):
            quoted = match[1]
            found.append(self._value(match[2]) if quoted is None else self._quoted_value(quoted))
            if not match[3]:
                break
        return found

    def _is_special(self, text: str) -> bool:
        """Whether there is more in it than fields and delimiters."""
        quote, escape = self._dialect.quote, self._dialect.escape
        return bool(quote and quote in text) or bool(escape and escape in text)

    def _value(self, text: str) -> str:
        return self._unescape.sub(r"\1", text) if self._dialect.escape else text

    def _quoted_value(self, text: str) -> str:
        quote = self._dialect.quote
        if not self._dialect.escape:
            return text.replace(quote * 2, quote)
        pair = re.compile(f"{re.escape(quote)}({re.escape(quote)})|{self._unescape.pattern}")
        return pair.sub(lambda found: found[1] or found[2], text)

    def _quoted(
        self, first: str, again: deque[str], lines: Iterator[str]
    ) -> tuple[str | None, list[str]]:
        """The record that starts at `first`, or None with the lines that were read in vain."""
        taken, length = [first], 0
        if not self._dialect.quote:
            return None, []
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
