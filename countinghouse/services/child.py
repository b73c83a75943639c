"""One supervised process: started, watched, replaced when it is dead or sick."""

import logging
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from countinghouse.errors import CountinghouseError
from countinghouse.services import processes
from countinghouse.settings import Settings

log = logging.getLogger(__name__)

# Health calls that may fail in a row before a running process counts as sick.
_PATIENCE = 3
_HEALTH_SECONDS = 5.0
_STARTING_HEALTH_SECONDS = 0.3
# What hangs does not end well either: every second of asking is one of outage.
_SICK_SECONDS = 2.0
_LONGEST_BACKOFF = 30.0
# A process that was healthy for so long has earned a restart without delay.
_STABLE_SECONDS = 5.0


class State(StrEnum):
    """Where a supervised process stands."""

    STARTING = "starting"
    HEALTHY = "healthy"
    FAILING = "failing"
    WAITING = "waiting to restart"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Component:
    """How to start a process and how to ask it whether it works, given its age in seconds."""

    name: str
    start: Callable[[], processes.Start]
    healthy: Callable[[float], bool]
    ports: tuple[int, ...] = ()
    start_seconds: float = 60
    stop_seconds: float = 15


@dataclass
class Child:
    """A component's process over all of its restarts."""

    settings: Settings
    component: Component
    process: subprocess.Popen[bytes] | None = None
    state: State = State.WAITING
    restarts: int = -1
    reason: str = ""
    _started: float = 0.0
    _since: float = field(default_factory=time.monotonic)
    _failures: int = 0
    _quick_deaths: int = 0
    _next_start: float = 0.0
    _next_health: float = 0.0

    def tick(self) -> bool:
        """Look once and act; true when the process has just become healthy."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._next_start:
                self._start(now)
            return False
        code = processes.exit_code(self.process)
        if code is not None:
            self._lost(f"ended with exit code {code}")
            return False
        return now >= self._next_health and self._check(now)

    def ask_to_stop(self) -> None:
        """Send the signal only, so that several can end at the same time."""
        if self.process is not None and processes.exit_code(self.process) is None:
            self.process.terminate()

    def stop(self) -> None:
        """End the process and its descendants, for good."""
        self._end()
        self._enter(State.STOPPED)

    @property
    def healthy_seconds(self) -> float:
        """How long it has been healthy without a break; 0 when it is not."""
        return time.monotonic() - self._since if self.state is State.HEALTHY else 0.0

    def describe(self) -> dict[str, object]:
        """State for the status file; times are seconds since the epoch."""
        return {
            "name": self.component.name,
            "pid": self.process.pid if self.process else None,
            "state": str(self.state),
            "since": time.time() - (time.monotonic() - self._since),
            "restarts": max(self.restarts, 0),
            "ports": list(self.component.ports),
            "reason": self.reason,
        }

    def _start(self, now: float) -> None:
        self._enter(State.STARTING)
        try:
            self.process = processes.spawn(self.settings, self.component.start())
        except (OSError, CountinghouseError) as error:
            self._lost(f"could not be started: {error}")
            return
        self._started = now
        self.restarts += 1
        self._failures = 0
        self._next_health = now

    def _check(self, now: float) -> bool:
        if self.component.healthy(now - self._started):
            became = self.state is State.STARTING
            if self.state is not State.HEALTHY:
                log.info("%s is healthy", self.component.name)
                self._enter(State.HEALTHY)
            self._failures = 0
            self._next_health = time.monotonic() + _HEALTH_SECONDS
            return became
        if self.state is State.STARTING:
            self._next_health = time.monotonic() + _STARTING_HEALTH_SECONDS
            if now - self._since > self.component.start_seconds:
                self._lost(f"not healthy {self.component.start_seconds:g} s after its start")
            return False
        self._failures += 1
        log.warning("%s failed a health call", self.component.name)
        self._next_health = time.monotonic() + 1
        if self.state is State.HEALTHY:
            self._enter(State.FAILING)
        if self._failures >= _PATIENCE:
            self._lost(f"{_PATIENCE} health calls in a row failed", patience=_SICK_SECONDS)
        return False

    def _lost(self, reason: str, *, patience: float | None = None) -> None:
        """Clear away what is left, and plan the next start."""
        lived = time.monotonic() - self._since
        stable = self.state is not State.STARTING and lived > _STABLE_SECONDS
        self._quick_deaths = 0 if stable else self._quick_deaths + 1
        log.warning("%s %s; it is started again", self.component.name, reason)
        self._end(patience)
        self.reason = reason
        self._enter(State.WAITING)
        # The first restart is immediate, then 1, 2, 4, ... seconds.
        wait = 2.0 ** (self._quick_deaths - 2) if self._quick_deaths > 1 else 0.0
        self._next_start = time.monotonic() + min(wait, _LONGEST_BACKOFF)

    def _end(self, patience: float | None = None) -> None:
        if self.process is not None:
            seconds = self.component.stop_seconds if patience is None else patience
            processes.end_group(self.process, patience=seconds)
            self.process = None

    def _enter(self, state: State) -> None:
        self.state = state
        self._since = time.monotonic()
