import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from countinghouse.services import postgres, processes, supervisor
from countinghouse.services.child import Child, Component, State
from countinghouse.settings import Settings

_SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
_FORKS = ["sh", "-c", '"$@" & wait', "sh", *_SLEEP]
# As Airflow does by setproctitle: the environment can no longer be read from outside.
_SLEEP_UNMARKED = ["env", "-i", sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Settings]:
    """Settings of an empty home; whatever a test leaves running is ended."""
    settings = Settings(home=tmp_path)
    settings.run.mkdir()
    yield settings
    processes.end(processes.owned(settings), patience=1)


def start(settings: Settings, command: list[str]) -> processes.Start:
    return processes.Start(command, dict(os.environ), settings.run, settings.logs / "test.log")


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_a_child_and_what_it_starts_are_found_without_any_record(own: Settings) -> None:
    child = processes.spawn(own, start(own, _FORKS))
    assert eventually(lambda: len(processes.owned(own)) == 2)
    (own.run / "sessions.json").unlink()
    assert {p.pid for p in processes.owned(own)} > {child.pid}
    processes.end_group(child, patience=1)
    assert processes.owned(own) == []


def test_a_child_that_hides_its_environment_is_found_by_its_session(own: Settings) -> None:
    child = processes.spawn(own, start(own, _SLEEP_UNMARKED))
    marker = processes.MARKER
    assert eventually(lambda: marker not in psutil.Process(child.pid).environ())
    assert [p.pid for p in processes.owned(own)] == [child.pid]
    processes.end_group(child, patience=1)


def test_a_dead_process_that_nobody_reaps_is_not_waited_for() -> None:
    parent = subprocess.Popen(["sh", "-c", "sleep 600 & exec sleep 600"])
    try:
        started = psutil.Process(parent.pid)
        assert eventually(lambda: bool(started.children()) and started.name() == "sleep")
        (child,) = started.children()
        begun = time.monotonic()
        processes.end([child], patience=20)
        assert child.status() == psutil.STATUS_ZOMBIE
        assert time.monotonic() - begun < 10
    finally:
        parent.kill()
        parent.wait()


def test_processes_of_another_home_are_not_ours(own: Settings, tmp_path: Path) -> None:
    other = Settings(home=tmp_path / "other")
    other.run.mkdir(parents=True)
    child = processes.spawn(own, start(own, _SLEEP))
    assert processes.owned(other) == []
    processes.end_group(child, patience=1)


def test_a_session_id_that_is_used_again_is_not_ours(own: Settings) -> None:
    with subprocess.Popen(_SLEEP, start_new_session=True) as stranger:
        recorded = {str(stranger.pid): psutil.Process(stranger.pid).create_time() - 60}
        (own.run / "sessions.json").write_text(json.dumps(recorded))
        found = processes.owned(own)
        stranger.kill()
    assert found == []


def test_a_dead_child_keeps_its_id_until_its_group_is_ended(own: Settings) -> None:
    child = processes.spawn(own, start(own, _FORKS))
    assert eventually(lambda: len(processes.owned(own)) == 2)
    os.kill(child.pid, signal.SIGKILL)
    assert eventually(lambda: processes.exit_code(child) == -signal.SIGKILL)
    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    processes.end_group(child, patience=1)
    assert child.returncode == -signal.SIGKILL
    assert eventually(lambda: processes.owned(own) == [])


def test_the_group_of_a_reaped_child_may_be_a_strangers(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = processes.spawn(own, start(own, ["true"]))
    child.wait()
    killed: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda group, _: killed.append(group))
    processes.end_group(child, patience=1)
    assert killed == []


def test_a_process_id_that_is_used_again_is_not_the_recorded_process(tmp_path: Path) -> None:
    file = tmp_path / "pid.json"
    processes.write_pid(file)
    found = processes.read_pid(file)
    assert found is not None
    assert found.pid == os.getpid()
    processes.replace(file, {"pid": os.getpid(), "started": found.create_time() - 60})
    assert processes.read_pid(file) is None


def test_children_end_with_a_killed_parent(own: Settings) -> None:
    program = (
        "import os, time\n"
        "from countinghouse.services import processes\n"
        "from countinghouse.settings import load\n"
        "log = load().logs / 'x.log'\n"
        f"start = processes.Start({_SLEEP!r}, dict(os.environ), load().run, log)\n"
        "print(processes.spawn(load(), start).pid, flush=True)\n"
        "time.sleep(600)"
    )
    environment = {**os.environ, "COUNTINGHOUSE_HOME": str(own.home)}
    parent = subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.send_signal(signal.SIGKILL)
    assert eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_log_that_grows_too_long_is_cut_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"a" * 100)
        processes.bound(log, 50)
        writer.write(b"b")
    assert log.read_bytes() == b"b"
    assert (tmp_path / "x.log.1").read_bytes() == b"a" * 100


def supervised(own: Settings, command: list[str], healthy: Callable[[float], bool]) -> Child:
    return Child(own, Component("test", lambda: start(own, command), healthy))


def tick_until(child: Child, condition: Callable[[], bool]) -> bool:
    def look() -> bool:
        child.tick()
        return condition()

    return eventually(look)


def test_a_dead_child_is_started_again_at_once(own: Settings) -> None:
    child = supervised(own, _SLEEP, lambda _: True)
    assert tick_until(child, lambda: child.state is State.HEALTHY)
    assert child.process is not None
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    assert tick_until(child, lambda: child.state is State.HEALTHY and child.restarts == 1)
    assert child.process.pid != first
    child.stop()


def test_a_child_that_keeps_running_but_fails_its_health_calls_is_replaced(own: Settings) -> None:
    answers = iter([True, False, False, False])
    child = supervised(own, _SLEEP, lambda _: next(answers, True))
    assert tick_until(child, lambda: child.state is State.HEALTHY)
    child._next_health = 0
    assert tick_until(child, lambda: child.restarts == 1)
    assert "3 health calls" in child.reason
    child.stop()


def test_one_failed_health_call_replaces_nothing(own: Settings) -> None:
    answers = iter([True, False])
    child = supervised(own, _SLEEP, lambda _: next(answers, True))
    assert tick_until(child, lambda: child.state is State.HEALTHY)
    child._next_health = 0
    assert tick_until(child, lambda: child.state is State.FAILING)
    assert tick_until(child, lambda: child.state is State.HEALTHY)
    assert child.restarts == 0
    child.stop()


def test_a_child_that_dies_at_every_start_is_started_ever_more_slowly(own: Settings) -> None:
    child = supervised(own, [sys.executable, "-c", "raise SystemExit(7)"], lambda _: False)
    assert tick_until(child, lambda: child.restarts == 2)
    assert "exit code 7" in child.reason
    assert tick_until(child, lambda: child.state is State.WAITING)
    assert child._next_start - time.monotonic() > 1
    child.stop()


def test_a_child_that_cannot_be_started_says_why(own: Settings) -> None:
    child = supervised(own, ["/nonexistent/program"], lambda _: True)
    child.tick()
    assert "No such file" in child.reason
    assert child.state is State.WAITING


def test_the_supervisor_outlives_a_full_disk_and_a_database_that_does_not_start(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def unavailable(_: Settings) -> None:
        raise postgres.PostgresUnavailable("no space left", remedy="df")

    watched = supervisor.Supervisor(own, with_airflow=False)
    child = supervised(own, _SLEEP, lambda _: True)
    watched.children = [child]
    assert tick_until(child, lambda: child.state is State.HEALTHY)
    with monkeypatch.context() as broken:
        broken.setattr(processes, "replace", full)
        broken.setattr(watched, "_bound_logs", full)
        broken.setattr(watched, "_keep_reconciler", full)
        broken.setattr(postgres, "start", unavailable)
        watched.tick()
    assert child.state is State.HEALTHY
    assert "no space left" in str(watched._postgres_status()["reason"])
    child.stop()


def test_a_supervisor_whose_home_was_removed_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Settings(home=tmp_path / "home")
    ended = []
    with supervisor.only_one(own):
        watched = supervisor.Supervisor(own, with_airflow=False)
        monkeypatch.setattr(watched, "tick", lambda: shutil.rmtree(own.home))
        monkeypatch.setattr(watched, "stop", lambda: ended.append(True))
        watched.run()
    assert ended == [True]
