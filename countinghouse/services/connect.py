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
    """Interrupt what a session runs, wait for its end, and close the session for good.

    Interrupting first also makes a session known that has not sent anything yet, so that the
    engine refuses it later. Raises grpc.RpcError, with `is_closed` when it was closed before, and
    OSError when the end of what ran could not be seen.
    """
    from pyspark.sql.connect import proto

    interrupt = proto.InterruptRequest(
        session_id=session_id,
        user_context=_user(),
        interrupt_type=proto.InterruptRequest.INTERRUPT_TYPE_ALL,
    )
    with _stub(settings) as stub:
        # Its client, if it lives, may send the next statement in between.
        while ids := stub.Interrupt(interrupt, timeout=deadline).interrupted_ids:
            operations.await_end(settings, ids, deadline=deadline)
        try:
            stub.ReleaseSession(_release(session_id), timeout=deadline)
        except grpc.RpcError:
            # Spark 4.1 closes the session and then fails, if an operation has just begun.
            if not _refused(stub, interrupt):
                raise


def _refused(stub: Any, request: Any) -> bool:
    try:
        stub.Interrupt(request, timeout=5)
    except grpc.RpcError as error:
        return is_closed(error)
    return False


def is_closed(error: grpc.RpcError) -> bool:
    """Whether the engine says that the session has been closed before."""
    return "SESSION_CLOSED" in str(error.details())


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
