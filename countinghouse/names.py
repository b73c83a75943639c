"""Strict patterns: nothing reaches a path or a statement without passing here."""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass

from countinghouse.errors import BadName

# Ledger value of `dt` for a table without partitions.
WHOLE = "all"
# Partition of a dimension with history that holds the intervals still open.
OPEN = "9999-12-31"

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


def identifier(value: str) -> str:
    """Return `value` if it is a lower-case SQL identifier of at most 63 characters."""
    if not _IDENTIFIER.match(value):
        raise BadName(f"{value[:80]!r} is not a name", remedy="use [a-z][a-z0-9_]*, up to 63")
    return value


def date(value: str) -> str:
    """Return `value` if it is a calendar date written YYYY-MM-DD."""
    if not _DATE.match(value):
        raise BadName(f"{value[:80]!r} is not a date", remedy="write dates as YYYY-MM-DD")
    try:
        dt.date.fromisoformat(value)
    except ValueError as error:
        raise BadName(f"{value!r} is not a date: {error}", remedy="check the calendar") from None
    return value


def printable(text: str) -> str:
    """Return `text` with whatever cannot be printed or stored escaped, as Python writes it."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def partition(value: str) -> str:
    """Return `value` if it names a partition: a date, or `all` for an unpartitioned table."""
    return value if value == WHOLE else date(value)


def is_partition(value: str) -> bool:
    """Whether `partition` would return the value."""
    try:
        partition(value)
    except BadName:
        return False
    return True


def dates_between(first: str, last: str) -> list[str]:
    """Every date from `first` to `last`, both included, in order."""
    start, end = dt.date.fromisoformat(date(first)), dt.date.fromisoformat(date(last))
    if end < start:
        raise BadName(f"the range {first} to {last} is reversed", remedy="put the earlier first")
    return [(start + dt.timedelta(days=n)).isoformat() for n in range((end - start).days + 1)]


def plus_days(value: str, days: int) -> str:
    """The date `days` after `value`."""
    return (dt.date.fromisoformat(value) + dt.timedelta(days=days)).isoformat()


def month_of(value: str) -> str:
    """First day of the month of `value`."""
    return value[:8] + "01"


def table(value: str) -> str:
    """Return `value` if it is `schema.table`."""
    schema, dot, name = value.partition(".")
    if not dot:
        raise BadName(f"{value[:80]!r} is not schema.table", remedy="name the schema too")
    identifier(schema)
    identifier(name)
    return value


def selection(words: Iterable[str]) -> list[str]:
    """Return `words` if each is a name, or two of them with a dot between."""
    return [table(word) if "." in word else identifier(word) for word in words]


@dataclass(frozen=True, order=True)
class Feed:
    """A feed by its two names; the one place where its names in all layers are made."""

    system: str
    name: str

    def __post_init__(self) -> None:
        identifier(self.system)
        identifier(self.name)

    @classmethod
    def parse(cls, value: str) -> "Feed":
        """Read `system.feed`."""
        system, dot, name = value.partition(".")
        if not dot:
            raise BadName(f"{value[:80]!r} is not system.feed", remedy="name the system too")
        return cls(system, name)

    @property
    def relation(self) -> str:
        """Name of its tables in the schemas `raw` and `quarantine`."""
        return identifier(f"{self.system}__{self.name}")

    @property
    def raw(self) -> str:
        """Its raw table."""
        return f"raw.{self.relation}"

    @property
    def quarantine(self) -> str:
        """Its quarantine table."""
        return f"quarantine.{self.relation}"

    def __str__(self) -> str:
        return f"{self.system}.{self.name}"
