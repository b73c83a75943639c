"""dbt's statements in the Connect session of a claim, so that fencing the claim stops them too."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from countinghouse.engine_session import message_of, open_session
from countinghouse.errors import EngineUnavailable, Fenced
from countinghouse.settings import Settings

# A query begins so, after comments; dbt writes none that inserts.
_QUERY = re.compile(
    r"(?:\s|/\*.*?\*/|--[^\n]*\n)*\(*\s*(?:select|with)\b", re.DOTALL | re.IGNORECASE
)
# How dbt asks for the columns of a query, for which nothing has to run.
_COLUMNS_ONLY = re.compile(r"\)\s+as\s+__dbt_sbq\s+where\s+false\s+limit\s+0\s*$", re.IGNORECASE)
_CLOSED = ("SESSION_CLOSED", "SESSION_NOT_FOUND", "SESSION_CHANGED")


@contextmanager
def statements_in(settings: Settings, session_id: str) -> Iterator[Any]:
    """Within this block every dbt statement of this process runs in that session.

    dbt-spark would look for a session on every statement, open another one when it is gone, and
    switch ANSI off, after which sums overflow in silence. Yields the session.
    """
    from dbt.adapters.spark import session as method

    claimed = _claimed(settings, session_id)

    class ClaimConnection(method.Connection):  # type: ignore[misc]
        def cursor(self) -> Any:
            return _Cursor(claimed)

    original = method.Connection
    method.Connection = ClaimConnection
    try:
        yield claimed
    finally:
        method.Connection = original
        claimed.client.close()


def raise_if_closed(session: Any) -> None:
    """Raise Fenced if the engine refuses the session: its statements failed for no other reason."""
    from pyspark.errors import PySparkException

    try:
        session.sql("select 1").collect()
    except PySparkException as error:
        if _is_closed(str(error)):
            raise Fenced(
                f"session {session.session_id} was closed", remedy="another attempt took over"
            ) from error
        raise


def _claimed(settings: Settings, session_id: str) -> Any:
    try:
        return open_session(settings, session_id)
    except EngineUnavailable as error:
        if _is_closed(error.message):
            raise Fenced(
                f"session {session_id} was closed", remedy="another attempt took over"
            ) from error
        raise


def _is_closed(message: str) -> bool:
    return any(word in message for word in _CLOSED)


class _Cursor:
    """What dbt-spark uses of a cursor, over one session.

    Sent by `session.sql`, a query is analysed three times: at once, for its schema, and to run; on
    small data that is most of its cost. So a query runs when it is executed, and that once. What a
    command says is fetched when somebody asks.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._fields: list[Any] = []
        self._rows: list[Any] = []
        self._said: Any = None

    def execute(self, sql: str, *parameters: Any) -> None:
        from pyspark.sql.connect.plan import SQL

        if parameters:
            raise _dbt_error("bound values lose their type in dbt-spark: no seeds")
        self.close()
        with _short_errors():
            if not _QUERY.match(sql):
                self._said = self._session.sql(sql)._plan
            elif _COLUMNS_ONLY.search(sql):
                self._fields = self._session.client.schema(self._request(SQL(sql))).fields
            else:
                self._fetch(SQL(sql))

    @property
    def description(self) -> list[tuple[Any, ...]]:
        self._hear()
        return [(f.name, f.dataType.simpleString(), *[None] * 4, f.nullable) for f in self._fields]

    def fetchall(self) -> list[Any]:
        self._hear()
        return self._rows

    def close(self) -> None:
        self._fields, self._rows, self._said = [], [], None

    def _hear(self) -> None:
        if self._said is not None:
            with _short_errors():
                self._fetch(self._said)
            self._said = None

    def _fetch(self, plan: Any) -> None:
        table, schema, _ = self._session.client.to_table(self._request(plan), {})
        columns = (column.to_pylist() for column in table.columns)
        self._fields, self._rows = schema.fields, list(zip(*columns, strict=True))

    def _request(self, plan: Any) -> Any:
        return plan.to_proto(self._session.client)


@contextmanager
def _short_errors() -> Iterator[None]:
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        raise _dbt_error(message_of(error)) from error
    except (ArithmeticError, LookupError, ValueError) as error:
        # An interval, or a date that Python does not have.
        raise _dbt_error(f"the result has a value that cannot be shown: {error!r}") from error


def _dbt_error(message: str) -> Exception:
    from dbt_common.exceptions import DbtRuntimeError

    return DbtRuntimeError(message)
