"""A contract as typed values: the declaration of one feed, see `contracts`."""

import functools
import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from countinghouse.names import Feed
from countinghouse.publishing.content_digest import Money
from countinghouse.sql_types import Type, parse_type


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Trailer(_Declared):
    """The last lines of a file that are no records; named groups are its control totals."""

    pattern: str
    lines: int = 1


class Format(_Declared):
    """The format and dialect of a feed's files."""

    type: Literal["csv", "json_lines", "json", "parquet"] = "csv"
    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    encoding: str = "utf-8"
    header: bool = True
    preamble: int = 0
    trailer: Trailer | None = None
    records: str = ""
    decimal_mark: str = "."
    thousands: str = ""
    null_values: tuple[str, ...] = ("",)
    compression: str = "infer"


class BusinessDate(_Declared):
    """Where a row's business date comes from; without `column` it is the delivery's date."""

    column: str = ""
    delivery: bool = False
    source_zone: str = "UTC"
    zone: str = "UTC"


class Expected(_Declared):
    """When the delivery of a day comes, on the day after, and when its absence is an alert."""

    by: str
    deadline: str
    zone: str = "UTC"


class Extract(_Declared):
    """The query whose rows are a delivery, and the setting that has the database's URL."""

    database: str
    query: str


class Changes(_Declared):
    """The order of a change log, and how it says that a row is gone."""

    position: str
    operation: str
    deletes: tuple[str, ...] = ("D",)
    contiguous: bool = False
    first: int | None = None
    known_missing: tuple[tuple[int, int], ...] = ()


class Column(_Declared):
    """A declared column; `header` is its name in the source's files."""

    name: str
    type: str
    description: str
    header: str
    nullable: bool = True
    optional: bool = False
    pii: Literal["none", "low", "high"] = "none"
    treatment: Literal["keep", "hash", "tokenise", "drop"] = "keep"
    nested: bool = False
    canonical: bool = False
    format: str = ""
    allowed: tuple[str, ...] = ()
    null_values: tuple[str, ...]
    scientific: bool = False
    round_within: Decimal | None = None

    @functools.cached_property
    def parsed(self) -> Type:
        """The type, read."""
        return parse_type(self.type)


class Contract(_Declared):
    """The declaration of one feed."""

    system: str
    name: str
    description: str
    owner: str
    kind: Literal["event", "full_snapshot", "cumulative", "change_log", "restated_report"]
    format: Format
    files: str = "*"
    keys: tuple[str, ...]
    version_column: str | None = None
    business_date: BusinessDate
    max_lateness_days: int | None = None
    restates_days: int | None = None
    keys_move: bool = False
    changes: Changes | None = None
    extract: Extract | None = None
    expected: Expected | None = None
    refuse_above: float
    amounts: dict[str, dict[str, Any]] = Field(default_factory=dict)
    columns: tuple[Column, ...]
    path: Path = Field(exclude=True)
    line: int = Field(exclude=True)

    @property
    def feed(self) -> Feed:
        """The feed by its names."""
        return Feed(self.system, self.name)

    @property
    def money(self) -> tuple[Money, ...]:
        """Amount columns with their currency."""
        types = {column.name: column.type for column in self.columns}
        return tuple(Money(name, types[name], **how) for name, how in self.amounts.items())

    @property
    def identity(self) -> tuple[str, ...]:
        """Columns that two different rows of one delivery must not share."""
        order = self.changes.position if self.changes else self.version_column
        return (*self.keys, *([order] if order else []))

    def is_canonical(self, column: Column) -> bool:
        """Whether texts of the column that look the same are made the same, so that they join."""
        return column.parsed.name == "string" and (column.canonical or column.name in self.keys)

    @property
    def keeps_raw_text(self) -> bool:
        """Whether anything may be quoted as it came: no column identifies a person."""
        return all(c.pii != "high" and c.treatment == "keep" for c in self.columns)

    @property
    def fingerprint(self) -> str:
        """Digest of everything that decides what landing makes of the same bytes."""
        said = self.model_dump(mode="json", exclude={"description", "owner", "expected", "extract"})
        for column in said["columns"]:
            del column["description"]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def column(self, name: str) -> Column:
        """A declared column by name; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
