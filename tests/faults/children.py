"""Publishing and building processes that a test kills, freezes and wakes."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.faults import world

_SECONDS = 120
# Children of one warm process: imports cost seconds, a fork does not.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.faults.world", "pyspark.sql.connect.session"])


@dataclass
class Child:
    """A process that publishes or builds."""

    process: Any
    outcome: Any

    def wait_until_queued(self, gate: Path) -> None:
        """Return when the engine holds the process's first pointer statement back."""
        end = time.monotonic() + _SECONDS
        while not (gate / "sent" / "_SUCCESS").exists():
            assert time.monotonic() < end, "no pointer statement came"
            assert self.process.is_alive(), self.ended()
            time.sleep(0.1)

    def wait_until_frozen(self) -> None:
        """Return when the process has stopped itself."""
        end = time.monotonic() + _SECONDS
        while psutil.Process(self.process.pid).status() != psutil.STATUS_STOPPED:
            assert time.monotonic() < end, "the publisher did not freeze"
            assert self.process.is_alive(), "the publisher ended"
            time.sleep(0.05)

    def wait_until_killed(self) -> None:
        """Return when the process has died of SIGKILL."""
        self.process.join(_SECONDS)
        assert self.process.exitcode == -signal.SIGKILL, self.ended()

    def kill(self) -> None:
        self.process.kill()
        self.process.join(_SECONDS)

    def wake(self) -> Any:
        """Let a frozen process go on; returns how it ended."""
        os.kill(self.process.pid, signal.SIGCONT)
        return self.ended()

    def ended(self) -> Any:
        """What it did, `published`, or the error."""
        with contextlib.suppress(EOFError):
            if self.outcome.poll(_SECONDS):
                return self.outcome.recv()
        return "nothing"


@contextlib.contextmanager
def publisher(
    pair: world.Pair, value: int, *, run_id: str, failpoint: str = "", gate: Path | None = None
) -> Iterator[Child]:
    """Start a process that publishes a version of a pair."""
    arguments = (pair, value, run_id, failpoint, str(gate or ""))
    with child(world.publish_in_child, *arguments) as started:
        yield started


@contextlib.contextmanager
def child(target: Callable[..., None], *arguments: Any) -> Iterator[Child]:
    """Start `target(outcome, *arguments)`; it is killed at the end, whatever state it is in."""
    ours, theirs = _context.Pipe(duplex=False)
    process = _context.Process(target=target, args=(theirs, *arguments))
    process.start()
    theirs.close()
    try:
        yield Child(process, ours)
    finally:
        process.kill()
        process.join(_SECONDS)
        ours.close()
