"""Which Connect operations the engine still executes, as its UI shows.

Connect itself does not say when an interrupted operation has ended, and closes a session while one
is in the middle of a metastore call, which then still takes effect.
"""

import json
import re
import time
import urllib.request
from collections.abc import Collection

from countinghouse.settings import Settings

_THREAD = re.compile(r"SparkConnectExecuteThread_opId=([0-9a-f-]{36})")
_LISTED = re.compile(r"_Operation_([0-9a-f-]{36})")
_POLL_SECONDS = 0.1


def await_end(settings: Settings, operation_ids: Collection[str], *, deadline: float) -> None:
    """Return when none of the operations executes any more; raises TimeoutError, or OSError."""
    if not operation_ids:
        return
    end = time.monotonic() + deadline
    while left := executing(settings, deadline=deadline).intersection(operation_ids):
        if time.monotonic() > end:
            raise TimeoutError(f"still executing after {deadline:g} s: {', '.join(sorted(left))}")
        time.sleep(_POLL_SECONDS)


def of_session(settings: Settings, session_id: str, *, deadline: float) -> set[str]:
    """Ids of the session's last operations, ended or not; raises OSError."""
    page = _get(settings, f"connect/session/?id={session_id}", deadline)
    return set(_LISTED.findall(page.decode()))


def executing(settings: Settings, *, deadline: float) -> set[str]:
    """Ids of all operations that have a thread now; raises OSError when the engine is silent."""
    root = "api/v1/applications"
    application = json.loads(_get(settings, root, deadline))[0]["id"]
    dump = _get(settings, f"{root}/{application}/executors/driver/threads", deadline)
    matches = (_THREAD.match(thread["threadName"]) for thread in json.loads(dump))
    return {match[1] for match in matches if match}


def _get(settings: Settings, path: str, deadline: float) -> bytes:
    address = f"http://127.0.0.1:{settings.spark_ui_port}/{path}"
    with urllib.request.urlopen(address, timeout=deadline) as answer:
        return bytes(answer.read())
