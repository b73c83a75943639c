"""Starting, finding and ending the processes of one installation."""

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import SecretStr

from countinghouse.settings import Settings

# Every supervised process and its descendants carry the home in this variable, so that what a
# killed supervisor left behind can be found without any record of it. Programs that set their own
# title, as Airflow does, overwrite it: their sessions are recorded as well.
MARKER = "COUNTINGHOUSE_SUPERVISED"

# At its parent's death (PR_SET_PDEATHSIG, 1) a child gets SIGTERM (15). Popen's `preexec_fn` would
# fork, and a fork of a process that has used gRPC may hang for a minute.
_END_WITH_PARENT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15)
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment, every setting and the project's modules, for a child."""
    values = settings.model_dump(exclude_none=True)
    own = {f"COUNTINGHOUSE_{name.upper()}": _plain(value) for name, value in values.items()}
    inherited = {name: value for name, value in os.environ.items() if name != MARKER}
    path = [str(settings.project), inherited.get("PYTHONPATH", "")]
    return inherited | own | {"PYTHONPATH": os.pathsep.join(part for part in path if part)}


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return json.dumps({name: _plain(inner) for name, inner in value.items()})
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def marker(settings: Settings) -> dict[str, str]:
    """The variable that makes a process and its descendants ours."""
    return {MARKER: str(settings.home.resolve())}


@dataclass(frozen=True)
class Start:
    """How to start a process: its command, whole environment, working folder and log."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path


def spawn(settings: Settings, start: Start) -> subprocess.Popen[bytes]:
    """Start a child as leader of its own session; it ends when this process does."""
    program = start.command[0]
    if shutil.which(program, path=start.environment.get("PATH")) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
    start.log.parent.mkdir(parents=True, exist_ok=True)
    with start.log.open("ab") as output:
        child = subprocess.Popen(
            [*_ends_with_parent(), *start.command],
            env={**start.environment, **marker(settings)},
            cwd=start.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _record_session(settings, child.pid)
    return child


def _ends_with_parent() -> list[str]:
    if sys.platform != "linux":
        return []
    return [sys.executable, "-S", "-c", _END_WITH_PARENT, str(os.getpid())]


def _record_session(settings: Settings, leader: int) -> None:
    known = {sid: since for sid, since in _sessions(settings).items() if _members(sid, since)}
    with contextlib.suppress(psutil.NoSuchProcess):
        known[leader] = psutil.Process(leader).create_time()
    replace(_sessions_file(settings), {str(sid): since for sid, since in known.items()})


def _sessions(settings: Settings) -> dict[int, float]:
    recorded = read(_sessions_file(settings)) or {}
    return {int(sid): float(since) for sid, since in recorded.items()}


def _sessions_file(settings: Settings) -> Path:
    return settings.run / "sessions.json"


def _members(sid: int, since: float) -> list[psutil.Process]:
    """Processes of the session whose leader started at `since`."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(process.pid) == sid and process.create_time() >= since - 0.1:
                found.append(process)
    leader = next((process for process in found if process.pid == sid), None)
    # The id is free again when nobody is left in the session; then it may be another leader's.
    reused = leader is not None and abs(leader.create_time() - since) > 1
    return [] if reused else found


def end(processes: Iterable[psutil.Process], *, patience: float) -> None:
    """Ask the processes to end, then kill what is left after `patience` seconds."""
    found = list(processes)
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in await_end(found, patience):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    await_end(found, 5)


def await_end(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until they are dead; returns those that are not after so many seconds.

    A dead process is not waited for until somebody reaps it: the first process of a container may
    take seconds for that, or not do it at all.
    """
    end = time.monotonic() + seconds
    while (left := [one for one in processes if alive(one)]) and time.monotonic() < end:
        time.sleep(0.02)
    return left


def exit_code(child: subprocess.Popen[bytes]) -> int | None:
    """How a child has ended, or None. It stays unreaped, so that its id is nobody else's."""
    # Python 3.13 is the first to have it on macOS.
    if child.returncode is not None or not hasattr(os, "waitid"):
        return child.poll()
    ended = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def end_group(process: subprocess.Popen[bytes], *, patience: float) -> None:
    """End a child made by `spawn`, then kill what its process group and descendants left."""
    descendants = _descendants(process.pid)
    # Whoever was reaped before may have left its id to a stranger's group.
    if process.returncode is None:
        end_at = time.monotonic() + patience
        if exit_code(process) is None:
            os.kill(process.pid, signal.SIGTERM)
        while exit_code(process) is None and time.monotonic() < end_at:
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    end([child for child in descendants if child.is_running()], patience=2)


def _descendants(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children(recursive=True)
    return []


def owned(settings: Settings) -> list[psutil.Process]:
    """Running supervised processes of this installation and all that they started."""
    wanted = marker(settings)[MARKER]
    found = {p.pid: p for p in psutil.process_iter() if _marker_of(p) == wanted}
    for sid, since in _sessions(settings).items():
        found |= {process.pid: process for process in _members(sid, since)}
    return [process for process in found.values() if alive(process)]


def _marker_of(process: psutil.Process) -> str | None:
    # Zombies and the processes of other users have no environment to read.
    with contextlib.suppress(psutil.Error, OSError):
        return process.environ().get(MARKER)
    return None


def write_pid(path: Path) -> None:
    """Record this process: its id and start time, since ids are used again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    started = psutil.Process().create_time()
    replace(path, {"pid": os.getpid(), "started": started})


def read_pid(path: Path) -> psutil.Process | None:
    """The recorded process, if it is still the same one."""
    recorded = read(path)
    if recorded is None:
        return None
    with contextlib.suppress(psutil.Error, KeyError, TypeError):
        process = psutil.Process(int(recorded["pid"]))
        # The kernel's clock ticks are hundredths of a second.
        if abs(process.create_time() - float(recorded["started"])) < 1 and alive(process):
            return process
    return None


def alive(process: psutil.Process) -> bool:
    """Whether it runs; a dead process that nobody has waited for does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def replace(path: Path, content: Mapping[str, object]) -> None:
    """Write JSON so that a reader sees the old or the new content."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(content, indent=1))
    fresh.replace(path)


def read(path: Path) -> dict[str, str] | None:
    """The JSON object in `path`; None when it is absent or not whole."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def bound(log: Path, limit: int) -> None:
    """Keep the last part of a log that children append to; the rest goes to `<name>.1`."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > limit:
            shutil.copyfile(log, log.with_name(log.name + ".1"))
            os.truncate(log, 0)
