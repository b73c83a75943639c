"""Direct calls to the engine's Connect port, each with a deadline that is kept.

A PySpark session has none: it would wait as long as the engine hangs.
"""

import contextlib
import socket
import uuid
from collections.abc import Iterator
from typing import Any

import grpc

from countinghouse.services import operations
from countinghouse.settings import Settings

# Sessions are known to the engine by user and id: everybody has to use the same user.
USER = "countinghouse"


def listening(port: int) -> bool:
    """Whether anything accepts connections on a port of this machine."""
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
        return True
    return False


def healthy(settings: Settings, *, deadline: float) -> bool:
    """Whether clients of both kinds can connect, and the catalog answers in so many seconds."""
    # Thrift's port opens last.
    ports = (settings.connect_port, settings.thrift_port)
    return all(map(listening, ports)) and catalog_answers(settings, deadline=deadline)


def catalog_answers(settings: Settings, *, deadline: float) -> bool:
    """Whether the engine lists its databases, through the metastore, within `deadline` seconds.

    Analysing the plan does that. Executing it would also run a job, which waits for as long as
    others have all slots.
    """
    session_id = str(uuid.uuid4())
    try:
        with _stub(settings) as stub:
            stub.AnalyzePlan(_analysed("SHOW DATABASES", session_id), timeout=deadline)
            stub.ReleaseSession(_release(session_id), timeout=deadline)
    except grpc.RpcError:
        return False
    return True


def release(settings: Settings, session_id: str, *, deadline: float) -> None:
    """Interrupt and close a session for good, and wait for the end of what it ran.

    A session that has been closed before is waited for as well. Raises grpc.RpcError when the
    session may be open, and OSError when something of it may run.
    """
    with _stub(settings) as stub:
        interrupted = _close(stub, session_id, deadline)
        known = operations.of_session(settings, session_id, deadline=deadline)
        operations.await_end(settings, known | interrupted, deadline=deadline)
        _await_listing(settings, stub, deadline)
    operations.end_jobs(settings, session_id, deadline=deadline)


def _await_listing(settings: Settings, stub: Any, deadline: float) -> None:
    """Return when every job that was submitted before is listed: they are listed in their order.

    A busy engine takes a while for that, and a job that nobody sees would keep its slots.
    """
    session_id = str(uuid.uuid4())
    job = stub.ExecutePlan(executed("SELECT count(*) FROM range(1)", session_id), timeout=deadline)
    operations.await_job(settings, session_id, deadline=deadline)
    # Nobody waits for its turn.
    job.cancel()
    stub.ReleaseSession(_release(session_id), timeout=deadline)


def _close(stub: Any, session_id: str, deadline: float) -> set[str]:
    """Close a session, known or not; the ids of the operations that this has interrupted."""
    from pyspark.sql.connect import proto

    interrupt = proto.InterruptRequest(
        session_id=session_id,
        user_context=_user(),
        interrupt_type=proto.InterruptRequest.INTERRUPT_TYPE_ALL,
    )
    interrupted: set[str] = set()
    try:
        # This also makes a session known that has not sent anything yet: it can then be closed.
        interrupted |= set(stub.Interrupt(interrupt, timeout=deadline).interrupted_ids)
        stub.ReleaseSession(_release(session_id), timeout=deadline)
    except grpc.RpcError as error:
        # Spark 4.1 also fails after it has closed a session whose operation still runs.
        if not _is_closed(stub, interrupt, error):
            raise
    return interrupted


def _is_closed(stub: Any, interrupt: Any, error: grpc.RpcError) -> bool:
    if "SESSION_CLOSED" in str(error.details()):
        return True
    try:
        stub.Interrupt(interrupt, timeout=5)
    except grpc.RpcError as second:
        return "SESSION_CLOSED" in str(second.details())
    return False


@contextlib.contextmanager
def _stub(settings: Settings) -> Iterator[Any]:
    # Importing pyspark takes a second: commands that do not talk to the engine do without.
    from pyspark.sql.connect.proto import base_pb2_grpc

    credentials = grpc.composite_channel_credentials(
        grpc.local_channel_credentials(),
        grpc.access_token_call_credentials(settings.secret("connect_token")),
    )
    address = f"127.0.0.1:{settings.connect_port}"
    with grpc.secure_channel(address, credentials) as channel:
        yield base_pb2_grpc.SparkConnectServiceStub(channel)


def executed(query: str, session_id: str) -> Any:
    """The request to execute a query in a session."""
    from pyspark.sql.connect import proto

    return proto.ExecutePlanRequest(session_id=session_id, user_context=_user(), plan=_plan(query))


def _analysed(query: str, session_id: str) -> Any:
    """The request for a query's columns; a command is carried out for that."""
    from pyspark.sql.connect import proto

    schema = proto.AnalyzePlanRequest.Schema(plan=_plan(query))
    return proto.AnalyzePlanRequest(session_id=session_id, user_context=_user(), schema=schema)


def _plan(query: str) -> Any:
    from pyspark.sql.connect import proto

    return proto.Plan(root=proto.Relation(sql=proto.SQL(query=query)))


def _user() -> Any:
    from pyspark.sql.connect import proto

    return proto.UserContext(user_id=USER)


def _release(session_id: str) -> Any:
    from pyspark.sql.connect import proto

    return proto.ReleaseSessionRequest(session_id=session_id, user_context=_user())
