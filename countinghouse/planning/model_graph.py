"""What the planner knows of a model: its partitions, what it reads, and its fingerprint."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class Reads(StrEnum):
    """How partition `dt` of a model depends on a parent."""

    SAME = "same"
    """The parent's partition of the same date."""
    WINDOW = "window"
    """The parent's partitions from `dt - days` to `dt`."""
    WHOLE = "whole"
    """An unpartitioned parent, or every partition of a parent when the child is unpartitioned."""
    AS_OF = "as_of"
    """A dimension with history, as its changes up to `dt` left it."""
    SLICES = "slices"
    """The rows of business date `dt` in every raw partition of a feed that holds some."""
    RESTATED = "restated"
    """The rows of business date `dt` in the newest raw partition that states that date."""
    MOVING = "moving"
    """All rows of the raw partitions in which a key of `dt` can be: to `dt + days`."""
    CHANGES = "changes"
    """A full snapshot of `dt` against the snapshot delivered before it."""
    LATEST = "latest"
    """The newest snapshot of a feed."""


class Shape(StrEnum):
    """How a model's table is cut into partitions."""

    DAILY = "daily"
    WHOLE = "whole"
    HISTORY = "history"


@dataclass(frozen=True)
class Edge:
    """One parent of a model. For feeds the parent is the raw table."""

    parent: str
    reads: Reads
    days: int = 0


@dataclass(frozen=True)
class Column:
    """A column of a contract: SQL type and the comment that DESCRIBE shows."""

    name: str
    type: str
    comment: str = ""
    # Says where a row came from: no part of the content, which may come again in another place.
    is_place: bool = False


@dataclass(frozen=True)
class Model:
    """A dbt model as `schema.table`; `folder` is its system (staging) or domain (marts)."""

    name: str
    folder: str
    shape: Shape
    edges: tuple[Edge, ...]
    fingerprint: str
    columns: tuple[Column, ...] = ()
    comment: str = ""
    # Columns `<name>_minor` with the column that holds their currency.
    money: Mapping[str, str] | None = None
    # A changed fingerprint makes partitions stale from this date on; empty: all of them.
    rebuild_from: str = ""
    unique_id: str = ""

    @property
    def content(self) -> tuple[Column, ...]:
        """The columns that the content digest covers."""
        return tuple(c for c in self.columns if c.name != "dt" and not c.is_place)

    @property
    def layer(self) -> str:
        """`staging`, `intermediate` or `marts`."""
        return self.name.partition(".")[0]

    @property
    def table(self) -> str:
        """The table's name without its schema."""
        return self.name.partition(".")[2]


@dataclass(frozen=True)
class Graph:
    """All models of the project, parents before children."""

    models: tuple[Model, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Model]:
        """Models by `schema.table`."""
        return {model.name: model for model in self.models}

    @cached_property
    def children(self) -> Mapping[str, tuple[Model, ...]]:
        """Direct children by the parent's `schema.table`, raw tables included."""
        found: dict[str, list[Model]] = {}
        for model in self.models:
            for parent in dict.fromkeys(edge.parent for edge in model.edges):
                found.setdefault(parent, []).append(model)
        return {parent: tuple(models) for parent, models in found.items()}

    def select(self, selection: Iterable[str]) -> tuple[Model, ...]:
        """Models named by table, `schema.table`, layer or folder; `all` is every model.

        Raises KeyError with the word that names nothing.
        """
        wanted: set[str] = set()
        for word in selection:
            found = {
                m.name
                for m in self.models
                if word in ("all", m.name, m.table, m.layer, m.folder, f"{m.layer}.{m.folder}")
            }
            if not found:
                raise KeyError(word)
            wanted |= found
        return tuple(model for model in self.models if model.name in wanted)
