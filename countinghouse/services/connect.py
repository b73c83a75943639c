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


def listening(settings: Settings) -> bool:
    """Whether anything accepts connections on the Connect port."""
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", settings.connect_port), timeout=2).close()
        return True
    return False


def catalog_answers(settings: Settings, *, deadline: float) -> bool:
    """Whether the engine lists its databases, through the metastore, within `deadline` seconds."""
    session_id = str(uuid.uuid4())
    try:
        with _stub(settings) as stub:
            for _ in stub.ExecutePlan(show_databases(session_id), timeout=deadline):
                pass
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
    operations.end_jobs(settings, session_id, deadline=deadline)


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


def show_databases(session_id: str) -> Any:
    """The cheapest request that needs the metastore."""
    from pyspark.sql.connect import proto

    query = proto.Relation(sql=proto.SQL(query="SHOW DATABASES"))
    return proto.ExecutePlanRequest(
        session_id=session_id,
        user_context=_user(),
        plan=proto.Plan(root=query),
    )


def _user() -> Any:
    from pyspark.sql.connect import proto

    return proto.UserContext(user_id=USER)


def _release(session_id: str) -> Any:
    from pyspark.sql.connect import proto

    return proto.ReleaseSessionRequest(session_id=session_id, user_context=_user())
