"""Named points at which a test makes something go wrong; inert in production.

In this process: `hooks[point] = callable`. In a subprocess: COUNTINGHOUSE_FAILPOINT=`point:action`
with action `kill9`, `stop` (SIGSTOP), `raise` or `sleep=SECONDS`; `point#2` is the second time that
the point is reached. Each fires once.
"""

import os
import signal
import time
from collections.abc import Callable

hooks: dict[str, Callable[[], None]] = {}


def reach(point: str) -> None:
    """Do what a test asked for at `point`."""
    hook = hooks.pop(point, None)
    if hook is not None:
        hook()
    wanted, _, action = os.environ.get("COUNTINGHOUSE_FAILPOINT", "").partition(":")
    name, _, time_of = wanted.partition("#")
    if not name or name != point:
        return
    if int(time_of or 1) > 1:
        os.environ["COUNTINGHOUSE_FAILPOINT"] = f"{name}#{int(time_of) - 1}:{action}"
        return
    del os.environ["COUNTINGHOUSE_FAILPOINT"]
    _act(point, action)


def _act(point: str, action: str) -> None:
    if action == "kill9":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif action.startswith("sleep="):
        time.sleep(float(action.removeprefix("sleep=")))
    else:
        raise RuntimeError(f"failpoint {point}")
