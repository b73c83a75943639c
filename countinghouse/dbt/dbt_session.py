"""dbt's statements in the Connect session of a claim, so that fencing the claim stops them too."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from countinghouse.engine_session import open_session
from countinghouse.errors import EngineUnavailable, Fenced
from countinghouse.settings import Settings

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
    """What dbt-spark uses of a cursor, over one session. A query is sent when it is fetched."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._rows: Any = None

    def execute(self, sql: str, *parameters: Any) -> None:
        if parameters:
            raise _dbt_error("bound values lose their type in dbt-spark: no seeds")
        with _short_errors():
            self._rows = self._session.sql(sql)

    @property
    def description(self) -> list[tuple[Any, ...]]:
        with _short_errors():
            fields = self._rows.schema.fields
        return [(f.name, f.dataType.simpleString(), *[None] * 4, f.nullable) for f in fields]

    def fetchall(self) -> list[Any]:
        with _short_errors():
            return list(self._rows.collect())

    def close(self) -> None:
        self._rows = None


@contextmanager
def _short_errors() -> Iterator[None]:
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        raise _dbt_error(str(error).partition("\n\nJVM stacktrace")[0]) from error


def _dbt_error(message: str) -> Exception:
    from dbt_common.exceptions import DbtRuntimeError

    return DbtRuntimeError(message)
