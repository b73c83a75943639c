"""Named points at which a test makes the process die, stop, wait or fail.

Inert unless COUNTINGHOUSE_FAILPOINT holds `point:action`; actions are `kill9`, `stop` (SIGSTOP),
`raise` and `sleep=SECONDS`. The point fires once, on its first arrival.
"""

import os
import signal
import time


def reach(point: str) -> None:
    """Do what the environment asks for at `point`; nothing in production."""
    wanted, _, action = os.environ.get("COUNTINGHOUSE_FAILPOINT", "").partition(":")
    if not wanted or wanted != point:
        return
    del os.environ["COUNTINGHOUSE_FAILPOINT"]
    if action == "kill9":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif action.startswith("sleep="):
        time.sleep(float(action.removeprefix("sleep=")))
    else:
        raise RuntimeError(f"failpoint {point}")
