"""Forgets a session, and lets a thread of gRPC find it while another session waits for an answer.

Prints what happened; does not end when that thread closes the session.
"""

import gc
from typing import Any

from grpc import _auth

from countinghouse.engine_session import open_session
from countinghouse.settings import load

signer = _auth.AccessTokenAuthMetadataPlugin
sign = signer.__call__
collected: list[int] = []


def collect_and_sign(self: Any, context: Any, callback: Any) -> None:
    """Sign a call; before that of a release, which other sessions wait for, collect garbage."""
    if context.method_name == "ReleaseExecute":
        collected.append(gc.collect())
    sign(self, context, callback)


settings = load()
session = open_session(settings)
for _ in range(2):
    forgotten = open_session(settings)
    # A cycle: only the collector ends it.
    forgotten.itself = forgotten
# PySpark itself still holds the second one.
forgotten.stop()
del forgotten
signer.__call__ = collect_and_sign
session.sql("select 1").collect()
session.stop()
print("collected," if any(collected) else "not collected,", "answered")
