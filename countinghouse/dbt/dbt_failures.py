"""What a failing dbt test found: dates and a few rows, without personal values."""

from collections.abc import Collection
from typing import Any

from countinghouse import names
from countinghouse.engine_session import rows_of

_ROWS = 3
_MASK = "(not shown)"


def failing_dates(session: Any, compiled: str, branch: str, model: str) -> tuple[str, ...] | None:
    """The run dates of `model` (`schema.table`) among the rows that its test returns.

    None when the rows have no date, or none of the run: then the failure is of all its dates.
    """
    if "dt" not in session.sql(f"select * from ({compiled}) limit 0").columns:
        return None
    table = names.table(model).partition(".")[2]
    found = session.sql(
        f"select distinct dt from ({compiled}) "
        f"where dt in (select dt from {branch}.run_dates where model = '{table}')"
    ).collect()
    return tuple(sorted(row.dt for row in found)) or None


def sample(session: Any, compiled: str, pii: Collection[str]) -> str:
    """At most three of the rows that a test returns, as `column=value`; `pii` columns masked."""
    found = session.sql(f"select * from ({compiled}) limit {_ROWS}")
    return "; ".join(
        ", ".join(
            f"{name}={_MASK if name in pii else value}"
            for name, value in zip(found.columns, row, strict=True)
        )
        for row in rows_of(found)
    )
