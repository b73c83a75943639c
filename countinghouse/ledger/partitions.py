"""Sets of partitions in statements: two arrays, however many there are."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from countinghouse.planning.planner import Partition


def listed(partitions: Iterable[Partition]) -> sa.Select[tuple[str, str]]:
    """The partitions as rows of `table_name` and `dt`, in order."""
    ordered = sorted(partitions)
    tables = sa.literal([table for table, _ in ordered], ARRAY(sa.Text))
    dts = sa.literal([dt for _, dt in ordered], ARRAY(sa.Text))
    # PostgreSQL expands the two side by side.
    return sa.select(sa.func.unnest(tables).label("table_name"), sa.func.unnest(dts).label("dt"))


def among(table: sa.Table, partitions: Iterable[Partition]) -> sa.ColumnElement[bool]:
    """Condition: the row of `table` is about one of the partitions."""
    return sa.tuple_(table.c.table_name, table.c.dt).in_(listed(partitions))
