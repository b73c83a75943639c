import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from installations import free_ports

from countinghouse import engine_session
from countinghouse.services import control, postgres, processes
from countinghouse.services.supervisor import pid_file, status_file
from countinghouse.settings import Settings

SPECULATION = "spark.speculation"


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An installation beside the one that the other tests share."""
    home = tmp_path_factory.mktemp("second")
    options = f"-D{SPECULATION}=true"
    settings = Settings(home=home, **free_ports(), driver_memory="1g", java_options=options)
    yield settings
    control.down(settings)


def everything_of(settings: Settings) -> list[psutil.Process]:
    """What runs now: the supervisor, PostgreSQL, and all that is supervised."""
    found = processes.owned(settings)
    supervisor = processes.read_pid(pid_file(settings))
    database = postgres.process(settings)
    if supervisor is not None:
        found.append(supervisor)
    if database is not None:
        found += [database, *database.children(recursive=True)]
    return found


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_two_installations_run_beside_each_other(installation: Settings, second: Settings) -> None:
    assert control.up(second, with_airflow=False) is True
    assert all(one.healthy for one in control.status(second))
    mine = {process.pid for process in everything_of(second)}
    assert mine.isdisjoint(process.pid for process in everything_of(installation))
    session = engine_session.open_session(second)
    session.sql("create database only_here")
    session.stop()
    other = engine_session.open_session(installation)
    assert "only_here" not in [row[0] for row in other.sql("show databases").collect()]
    other.stop()


def test_fault_7_no_setting_switches_speculation_on(second: Settings) -> None:
    control.up(second, with_airflow=False)
    session = engine_session.open_session(second)
    found = session.conf.get(SPECULATION)
    session.stop()
    assert SPECULATION in second.java_options
    assert found == "false"


def test_after_a_killed_supervisor_down_leaves_nothing(second: Settings) -> None:
    control.up(second, with_airflow=False)
    running = everything_of(second)
    assert len(running) >= 3
    supervisor = processes.read_pid(pid_file(second))
    assert supervisor is not None
    supervisor.kill()
    assert control.down(second) is True
    psutil.wait_procs(running, timeout=10)
    assert [process for process in running if process.is_running()] == []
    assert everything_of(second) == []
    ports = (second.connect_port, second.thrift_port, second.spark_ui_port)
    assert [port for port in ports if not is_free(port)] == []


@pytest.mark.parametrize("with_airflow", [True, False])
def test_up_says_when_it_runs_without_the_airflow_that_is_wanted(
    tmp_path: Path, with_airflow: bool
) -> None:
    settings = Settings(home=tmp_path)
    settings.run.mkdir()
    # This process stands for the supervisor: only what it reports is read.
    processes.write_pid(pid_file(settings))
    engine = {"name": "engine", "state": "healthy", "pid": os.getpid(), "reason": ""}
    processes.replace(status_file(settings), {"pid": os.getpid(), "components": [engine]})
    if with_airflow:
        with pytest.raises(control.StartFailed, match="runs without Airflow") as failure:
            control.up(settings)
        assert failure.value.remedy == "countinghouse down, then countinghouse up"
    else:
        assert control.up(settings, with_airflow=False) is False


def test_down_when_nothing_runs_says_so(second: Settings) -> None:
    control.down(second)
    assert control.down(second) is False
    assert [one.state for one in control.status(second)] == ["not running"]


def test_clean_removes_what_we_made_and_nothing_else(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    for name in ("warehouse", "landing", "secrets"):
        (tmp_path / name).mkdir()
    (tmp_path / "settings.toml").write_text("")
    (tmp_path / "letters").mkdir()
    control.remove(settings)
    assert sorted(os.listdir(tmp_path)) == ["letters", "settings.toml"]
