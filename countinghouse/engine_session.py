"""Sessions of the one engine: opening, fencing, waiting for its health."""

import atexit
import logging
import os
import time
import uuid
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import grpc

from countinghouse.errors import EngineUnavailable
from countinghouse.services import connect
from countinghouse.settings import Settings

_SESSION_CONF = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
}
_REMEDY = "countinghouse up, then countinghouse status"
# Two seconds: a session does not outlive its engine, so that waiting longer is in vain.
_RETRIES = {"max_retries": 3, "initial_backoff": 100, "max_backoff": 2000}
# Each statement that is sent alone opens the metastore anew: 89 ms, in a script 61. Bounded by its
# text, too: one statement may add hundreds of partitions.
_STATEMENTS_PER_SCRIPT = 50
_CHARACTERS_PER_SCRIPT = 100_000


def new_session_id() -> str:
    """An id for a session that nobody has opened yet."""
    return str(uuid.uuid4())


def message_of(error: Exception) -> str:
    """What an error of the engine says, without the stack of its server."""
    return str(error).partition("JVM stacktrace")[0].strip()


def remote_url(settings: Settings, session_id: str) -> str:
    """Connect URL of a session, for SPARK_REMOTE. It contains the token: never log it."""
    token = settings.secret("connect_token")
    # PySpark sends a token without TLS to a host of exactly this name only.
    return (
        f"sc://localhost:{settings.connect_port}/"
        f";user_id={connect.USER};token={token};session_id={session_id}"
    )


def open_session(settings: Settings, session_id: str | None = None, *, name: str = "") -> Any:
    """Open or join a Connect session, ANSI on and in UTC; `name` appears in the engine's UI."""
    # Without it pyspark's functions look for a JVM in this process.
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    from pyspark.errors import PySparkException
    from pyspark.logger import PySparkLogger
    from pyspark.sql.connect.client.retries import DefaultPolicy
    from pyspark.sql.connect.session import SparkSession

    # It writes each failing statement with its literals, 10-30 kB, to stderr.
    PySparkLogger.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    # Whoever gave up says so by an exception.
    warnings.filterwarnings("ignore", r"\[RETRIES_EXCEEDED\]")
    if not connect.listening(settings.connect_port):
        raise EngineUnavailable(f"no engine on port {settings.connect_port}", remedy=_REMEDY)
    url = remote_url(settings, session_id or new_session_id())
    # Else a forgotten session is closed by whichever thread happens to collect garbage, and waits
    # there for calls of the others. In a thread of gRPC it waits for itself, and with it everybody.
    SparkSession.__del__ = _left_to_grpc
    session = SparkSession.builder.remote(url).create()
    # Else what asks for the active session, types in words do, is given one that may be fenced.
    SparkSession._active_session.session = session
    # It would keep every session's client until the process ends, and ask each engine again then.
    atexit.unregister(session.client._cleanup_ml_cache)
    session.client.set_retry_policies([DefaultPolicy(**_RETRIES)])
    try:
        # Also binds the session to this engine: it cannot go on under the next one by accident.
        for key, value in _SESSION_CONF.items():
            session.conf.set(key, value)
    except (grpc.RpcError, PySparkException) as error:
        # PySpark would go on using it as the thread's active session.
        session.release_session_on_close = False
        session.stop()
        raise EngineUnavailable(f"the engine refused a session: {error}", remedy=_REMEDY) from error
    if name:
        session.addTag(name.replace(",", " "))
    return session


def run_script(session: Any, statements: Iterable[str]) -> None:
    """Run statements without results, one after the other, in as few calls as is reasonable."""
    script: list[str] = []
    for statement in statements:
        size = sum(map(len, script)) + len(statement)
        if len(script) == _STATEMENTS_PER_SCRIPT or (script and size > _CHARACTERS_PER_SCRIPT):
            _run(session, script)
            script = []
        script.append(statement)
    if script:
        _run(session, script)


def _run(session: Any, script: Sequence[str]) -> None:
    session.sql(script[0] if len(script) == 1 else f"BEGIN {'; '.join(script)}; END")


def rows_of(frame: Any) -> list[tuple[Any, ...]]:
    """The rows of a frame; instants say that they are UTC, whatever zone this process is in.

    `collect` gives them in the zone of the process, and does not say so.
    """
    columns = [column.to_pylist(maps_as_pydicts="lossy") for column in frame.toArrow().columns]
    return list(zip(*columns, strict=True))


def _left_to_grpc(_: Any) -> None:
    """A session that nobody has stopped: gRPC closes the channel when that is collected."""


def fence(settings: Settings, session_id: str, *, deadline: float = 60) -> None:
    """End and close a session: the engine refuses whatever its owner still sends.

    When it returns, nothing of the session runs any more. Raises EngineUnavailable when the engine
    has not confirmed it.
    """
    problem = f"session {session_id} could not be fenced"
    try:
        connect.release(settings, session_id, deadline=deadline)
    except grpc.RpcError as error:
        raise EngineUnavailable(f"{problem}: {error.details()}", remedy=_REMEDY) from error
    except OSError as error:
        raise EngineUnavailable(f"{problem}: {error}", remedy=_REMEDY) from error


def wait_until_healthy(settings: Settings, deadline_seconds: float) -> None:
    """Return when the engine answers a catalog call; else raises EngineUnavailable."""
    end = time.monotonic() + deadline_seconds
    while True:
        left = end - time.monotonic()
        if left <= 0:
            raise EngineUnavailable(
                f"the engine did not answer within {deadline_seconds:g} s", remedy=_REMEDY
            )
        if connect.healthy(settings, deadline=left):
            return
        time.sleep(min(0.3, left))
