"""Bringing an installation up and down from outside, and asking how it is."""

import contextlib
import fcntl
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from countinghouse import doctor
from countinghouse.errors import BadName, CountinghouseError
from countinghouse.services import postgres, processes, supervisor
from countinghouse.settings import Settings

_DOWN_SECONDS = 60.0
# What this project makes under home; `settings.toml` is the user's.
_STATE = (
    *("airflow", "archive", "backups", "dbt", "docs", "landing", "logs", "metastore", "pgdata"),
    *("run", "secrets", "spark", "warehouse"),
)
# A component that has been replaced so often while `up` waits will not come up.
_HOPELESS_RESTARTS = 3
# As `status` names them; what is looked for is a file.
_COMPONENT = re.compile(r"[a-z][a-z0-9-]{0,62}\Z")


class StartFailed(CountinghouseError):
    """A service cannot start, or did not become healthy in time."""


@dataclass(frozen=True)
class Status:
    """One component as the supervisor reported it last; `seconds` is the age of its state."""

    name: str
    state: str
    pid: int | None = None
    seconds: float = 0.0
    restarts: int = 0
    ports: tuple[int, ...] = ()
    reason: str = ""

    @property
    def healthy(self) -> bool:
        """Whether it works now."""
        return self.state == "healthy"


def up(settings: Settings, *, with_airflow: bool = True, deadline: float = 300) -> bool:
    """Start everything and return when it is healthy; false when it was running before.

    Raises StartFailed when Airflow is wanted and it runs without: a restart ends what others read.
    """
    with _starting(settings):
        process = processes.read_pid(supervisor.pid_file(settings))
        already = process is not None
        if process is None:
            clear_leftovers(settings)
            _examine(settings, with_airflow=with_airflow)
            process = _launch(settings, with_airflow=with_airflow)
        _wait(settings, process, deadline)
        if with_airflow and not runs_airflow(settings):
            raise StartFailed(
                f"it runs without Airflow in {settings.home}",
                remedy="countinghouse down, then countinghouse up",
            )
        return not already


def down(settings: Settings) -> bool:
    """Stop everything, leftovers of a killed supervisor too; false when nothing ran."""
    with _starting(settings):
        process = processes.read_pid(supervisor.pid_file(settings))
        if process is not None:
            processes.end([process], patience=_DOWN_SECONDS)
        left = clear_leftovers(settings)
        was_up = postgres.answers(settings)
        postgres.stop(settings)
        for file in (supervisor.pid_file(settings), supervisor.status_file(settings)):
            file.unlink(missing_ok=True)
        return process is not None or left or was_up


def remove(settings: Settings) -> None:
    """Stop everything and delete the installation's state; other files under home stay."""
    down(settings)
    for name in _STATE:
        shutil.rmtree(settings.home / name, ignore_errors=True)
    # Not empty when somebody keeps other files there.
    with contextlib.suppress(OSError):
        settings.home.rmdir()


def running(settings: Settings) -> bool:
    """Whether this installation has a supervisor."""
    return processes.read_pid(supervisor.pid_file(settings)) is not None


def runs_airflow(settings: Settings) -> bool:
    """Whether Airflow is part of what runs."""
    return any(one.name == "api-server" for one in status(settings))


def status(settings: Settings) -> list[Status]:
    """The supervisor, PostgreSQL and every component, as they were seen last."""
    process = processes.read_pid(supervisor.pid_file(settings))
    if process is None:
        return [Status("supervisor", "not running")]
    seconds = time.time() - process.create_time()
    return [Status("supervisor", "healthy", process.pid, seconds), *_components(settings)]


def log_files(settings: Settings, component: str) -> list[Path]:
    """Log files of a component that `status` names."""
    if not _COMPONENT.match(component):
        raise BadName(f"{component[:80]!r} is no component", remedy="countinghouse status")
    folder = settings.logs
    patterns = {"engine": ("engine.log", "engine.out"), "postgres": ("postgres/*.log",)}
    names = patterns.get(component, (f"{component}.log",))
    found = [path for name in names for path in sorted(folder.glob(name))]
    if not found:
        known = sorted({path.stem for path in folder.glob("*.log")})
        raise CountinghouseError(
            f"{component!r} has no log in {folder}", remedy=f"name one of {', '.join(known)}"
        )
    return found


def clear_leftovers(settings: Settings) -> bool:
    """End what a killed supervisor left behind; the supervisor itself must not be running."""
    left = processes.owned(settings)
    processes.end(left, patience=10)
    # What those started while they ended.
    processes.end(processes.owned(settings), patience=2)
    return bool(left)


def _components(settings: Settings) -> list[Status]:
    report: dict[str, Any] = processes.read(supervisor.status_file(settings)) or {}
    return [
        Status(
            name=entry["name"],
            state=entry["state"],
            pid=entry["pid"],
            seconds=time.time() - entry["since"] if "since" in entry else 0.0,
            restarts=entry.get("restarts", 0),
            ports=tuple(entry.get("ports", ())),
            reason=entry["reason"],
        )
        for entry in report.get("components", [])
    ]


@contextlib.contextmanager
def _starting(settings: Settings) -> Iterator[None]:
    settings.run.mkdir(parents=True, exist_ok=True)
    with (settings.run / "control.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _examine(settings: Settings, *, with_airflow: bool) -> None:
    found = doctor.machine(settings.home, heap=settings.driver_memory)
    found += [doctor.metastore(settings), *doctor.ports(settings, with_airflow=with_airflow)]
    for check in found:
        if not check.ok:
            raise StartFailed(f"{check.name}: {check.found}", remedy=check.remedy)


def _launch(settings: Settings, *, with_airflow: bool) -> psutil.Process:
    supervisor.status_file(settings).unlink(missing_ok=True)
    settings.logs.mkdir(parents=True, exist_ok=True)
    arguments = [] if with_airflow else ["--no-airflow"]
    supervise = [sys.executable, "-m", "countinghouse.services.supervisor", *arguments]
    # Through a shell that ends at once, so that the supervisor is nobody's child.
    shell = subprocess.run(
        ["sh", "-c", 'log=$1; shift; "$@" >>"$log" 2>&1 </dev/null & echo $!', "sh",
         str(settings.logs.resolve() / "supervisor.log"), *supervise],
        env=processes.environment(settings),
        cwd=settings.run,
        stdout=subprocess.PIPE,
        start_new_session=True,
        check=True,
    )  # fmt: skip
    return psutil.Process(int(shell.stdout))


def _wait(settings: Settings, process: psutil.Process, deadline: float) -> None:
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        components = _components(settings)
        if components and all(component.healthy for component in components):
            return
        hopeless = [c for c in components if c.restarts >= _HOPELESS_RESTARTS and not c.healthy]
        if hopeless:
            raise _failure(hopeless[0].name, hopeless[0].reason)
        if not processes.alive(process):
            raise _failure("supervisor", _last_line(settings.logs / "supervisor.log"))
        time.sleep(0.2)
    slow = next((c for c in _components(settings) if not c.healthy), None)
    name, reason = (slow.name, slow.reason or slow.state) if slow else ("supervisor", "is silent")
    raise _failure(name, f"{reason}, not healthy after {deadline:g} s")


def _failure(name: str, reason: str) -> StartFailed:
    return StartFailed(
        f"{name} did not start: {reason}",
        remedy=f"countinghouse logs {name}; countinghouse doctor; then countinghouse down",
    )


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1] if lines else "it ended without a word"
