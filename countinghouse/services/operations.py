"""Which Connect operations the engine still executes, as its threads show.

Connect itself does not say when an interrupted operation has ended, and closes a session while one
is in the middle of a metastore call, which then still takes effect.
"""

import json
import re
import time
import urllib.request
from collections.abc import Collection
from typing import Any

from countinghouse.settings import Settings

_THREAD = re.compile(r"SparkConnectExecuteThread_opId=([0-9a-f-]{36})")
_POLL_SECONDS = 0.1


def await_end(settings: Settings, operation_ids: Collection[str], *, deadline: float) -> None:
    """Return when none of the operations executes any more; raises TimeoutError, or OSError."""
    end = time.monotonic() + deadline
    while left := executing(settings, deadline=deadline).intersection(operation_ids):
        if time.monotonic() > end:
            raise TimeoutError(f"still executing after {deadline:g} s: {', '.join(sorted(left))}")
        time.sleep(_POLL_SECONDS)


def executing(settings: Settings, *, deadline: float) -> set[str]:
    """Ids of all operations that have a thread now; raises OSError when the engine is silent."""
    root = f"http://127.0.0.1:{settings.spark_ui_port}/api/v1/applications"
    application = _get(root, deadline)[0]["id"]
    threads = _get(f"{root}/{application}/executors/driver/threads", deadline)
    matches = (_THREAD.match(thread["threadName"]) for thread in threads)
    return {match[1] for match in matches if match}


def _get(address: str, deadline: float) -> Any:
    with urllib.request.urlopen(address, timeout=deadline) as answer:
        return json.load(answer)
