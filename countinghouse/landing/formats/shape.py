"""What every file format takes and gives: the declared shape of a file, its layout, its records."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    # Not in the engine's workers, which would import its validators.
    from countinghouse.contracts import Contract

Fields = Sequence[str | None]
_NOTHING: Mapping[str, str | None] = {}


class SourceFile(NamedTuple):
    """Archived bytes; `member` names a file inside of a zip archive."""

    path: Path
    member: str = ""


@dataclass(frozen=True)
class Place:
    """Where a declared column stands in a record: its name there, or a JSON pointer."""

    header: str
    optional: bool = False
    # Objects and lists are kept as JSON text; elsewhere they are bad values.
    nested: bool = False


@dataclass(frozen=True)
class FileShape:
    """The declared format of a feed's files, as plain values that reach the engine's workers."""

    columns: tuple[Place, ...]
    type: str = "csv"
    encoding: str = "utf-8"
    compression: str = "infer"
    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    header: bool = True
    preamble: int = 0
    trailer_lines: int = 0
    trailer: str = ""
    records: str = ""
    # Values identify persons: messages quote nothing of a file.
    private: bool = False

    @classmethod
    def of(cls, contract: "Contract") -> "FileShape":
        """The shape that a contract declares."""
        declared = contract.format.model_dump(
            exclude={"null_values", "decimal_mark", "thousands", "trailer"}
        )
        trailer = contract.format.trailer
        return cls(
            columns=tuple(Place(c.header, c.optional, c.nested) for c in contract.columns),
            trailer_lines=trailer.lines if trailer else 0,
            trailer=trailer.pattern if trailer else "",
            private=not contract.keeps_raw_text,
            **declared,
        )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "FileShape":
        """The counterpart of `to_json`."""
        return cls(**{**values, "columns": tuple(Place(**c) for c in values["columns"])})

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Layout:
    """Places of the columns in one file: `fields` in contract order, -1 for an absent one."""

    width: int
    fields: tuple[int, ...]
    undeclared: Mapping[str, int]
    # An empty last column, which a trailing delimiter makes; nothing may stand in it.
    unnamed: int = -1

    def to_json(self) -> dict[str, Any]:
        """The layout as plain values."""
        return asdict(self)


class Record(NamedTuple):
    """One record: its fields, or why it has none; `raw` is its text as it came.

    `extra` holds what no declared column takes, by name.
    """

    fields: Fields
    raw: str
    error: str | None
    extra: Mapping[str, str | None] = _NOTHING


class Count(Protocol):
    """The independent count: once gone through, `announced` is what the file's trailer said."""

    announced: Mapping[str, str]

    def __iter__(self) -> Iterator[Fields | None]:
        """The fields of each record; None for one that cannot be read."""


class FileFormat(Protocol):
    """A kind of file. Raises FileBroken for a file that cannot be read to its end."""

    def layout(self, file: SourceFile, shape: FileShape) -> Layout:
        """Where the declared columns are; FileBroken says what does not fit."""

    def records(self, file: SourceFile, shape: FileShape, layout: Layout) -> Iterator[Record]:
        """Every record, whole or with the rule that it breaks."""

    def count(self, file: SourceFile, shape: FileShape, layout: Layout) -> Count:
        """The same records by means that share as little as possible with `records`."""
