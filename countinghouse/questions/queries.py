"""Answers `countinghouse sql`: one reading statement through the engine."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.errors import PySparkException

from countinghouse import engine_session
from countinghouse.errors import CountinghouseError
from countinghouse.settings import Settings

_CATALOG = re.compile(r"\s*(show|describe|desc|explain)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """Rows of a statement; `more` says that the limit cut them off."""

    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]
    more: bool


def sql(settings: Settings, query: str, *, limit: int = 100) -> Answer:
    """Run a query, SHOW or DESCRIBE and return its first rows; anything that writes is refused."""
    statement = query.strip().rstrip(";")
    if not _CATALOG.match(statement):
        # As a subquery nothing but a query parses; the new line ends a trailing comment.
        statement = f"SELECT * FROM (\n{statement}\n)"
    session = engine_session.open_session(settings, name="sql")
    try:
        frame = session.sql(statement)
        columns, rows = frame.columns, frame.limit(limit + 1).collect()
    except PySparkException as error:
        raise CountinghouseError(
            _first_line(error), remedy="only one SELECT, SHOW or DESCRIBE can be run here"
        ) from error
    finally:
        session.stop()
    return Answer(columns, [tuple(row) for row in rows[:limit]], len(rows) > limit)


def _first_line(error: PySparkException) -> str:
    return str(error).strip().splitlines()[0]
