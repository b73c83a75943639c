"""dbt's statements in the Connect session of a claim, so that fencing the claim stops them too."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from countinghouse.engine_session import open_session
from countinghouse.settings import Settings


@contextmanager
def statements_in(settings: Settings, session_id: str) -> Iterator[Any]:
    """Within this block every dbt statement of this process runs in that session.

    dbt-spark would look for a session on every statement, open another one when it is gone, and
    switch ANSI off, after which sums overflow in silence. Yields the session.
    """
    from dbt.adapters.spark import session as method
    from dbt_common.exceptions import DbtRuntimeError
    from pyspark.errors import AnalysisException

    claimed = open_session(settings, session_id)

    class ClaimCursor(method.Cursor):
        def execute(self, sql: str, *parameters: Any) -> None:
            if parameters:
                raise DbtRuntimeError("bound values lose their type in dbt-spark: no seeds")
            try:
                self._df = claimed.sql(sql)
            except AnalysisException as error:
                raise DbtRuntimeError(error.getMessage() or str(error)) from error

    class ClaimConnection(method.Connection):
        def cursor(self) -> ClaimCursor:
            return ClaimCursor()

    original = method.Connection
    method.Connection = ClaimConnection
    try:
        yield claimed
    finally:
        method.Connection = original
