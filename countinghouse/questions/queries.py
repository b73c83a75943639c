"""Answers `countinghouse sql`: one reading statement through the engine."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.errors import PySparkException

from countinghouse import engine_session
from countinghouse.errors import CountinghouseError
from countinghouse.settings import Settings

_SAFE = {
    # A path in a table's place would show any file that the engine may read.
    "spark.sql.runSQLOnFiles": "false",
    # The plan is looked at as a whole.
    "spark.sql.debug.maxToStringFields": "1000000",
}
# Parts of a query by which it starts programs or calls methods of Java.
_ACTS = re.compile(r"ScriptTransformation|\b(reflect|java_method)\(", re.IGNORECASE)
_CATALOG = re.compile(r"\s*(show|describe|desc|explain)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """Rows of a statement; `more` says that the limit cut them off."""

    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]
    more: bool


def sql(settings: Settings, query: str, *, limit: int = 100) -> Answer:
    """Run a query, SHOW or DESCRIBE and return its first rows; anything that acts is refused."""
    statement = query.strip().rstrip(";")
    is_query = not _CATALOG.match(statement)
    if is_query:
        # As a subquery nothing but a query parses; the new line ends a trailing comment.
        statement = f"SELECT * FROM (\n{statement}\n)"
    session = engine_session.open_session(settings, name="sql")
    try:
        for name, value in _SAFE.items():
            session.conf.set(name, value)
        frame = session.sql(statement)
        if is_query and (found := _ACTS.search(frame._explain_string(extended=True))):
            raise CountinghouseError(
                f"a query only reads; this one has {found[0].rstrip('(')}",
                remedy="leave out TRANSFORM ... USING, reflect and java_method",
            )
        columns, rows = frame.columns, engine_session.rows_of(frame.limit(limit + 1))
    except PySparkException as error:
        raise CountinghouseError(
            _first_line(error), remedy="only one SELECT, SHOW or DESCRIBE can be run here"
        ) from error
    finally:
        session.stop()
    return Answer(columns, rows[:limit], len(rows) > limit)


def _first_line(error: PySparkException) -> str:
    return str(error).strip().splitlines()[0]
