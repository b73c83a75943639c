import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from countinghouse import doctor
from countinghouse.services import control
from countinghouse.settings import Settings


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_this_machine_passes() -> None:
    assert [check for check in doctor.machine(Path.cwd()) if not check.ok] == []


def test_exactly_one_of_the_two_spark_packages_is_installed() -> None:
    assert doctor.spark().ok, doctor.spark().found


def test_up_names_the_busy_port_and_its_setting_and_starts_nothing(
    tmp_path: Path, taken: int
) -> None:
    settings = Settings(
        home=tmp_path,
        connect_port=free_port(),
        thrift_port=taken,
        spark_ui_port=free_port(),
        airflow_port=free_port(),
    )
    with pytest.raises(control.StartFailed) as failure:
        control.up(settings)
    assert str(taken) in failure.value.message
    assert "COUNTINGHOUSE_THRIFT_PORT" in failure.value.remedy
    assert not (tmp_path / "pgdata").exists()
    assert not control.running(settings)


def test_two_settings_on_one_port_are_named(tmp_path: Path) -> None:
    port = free_port()
    settings = Settings(
        home=tmp_path,
        connect_port=port,
        thrift_port=port,
        spark_ui_port=free_port(),
        airflow_port=free_port(),
    )
    failed = [check for check in doctor.ports(settings) if not check.ok]
    assert [check.name for check in failed] == [f"port {port} (thrift_port)"]
    assert "connect_port" in failed[0].found


def test_a_busy_port_of_a_clusters_worker_is_named(tmp_path: Path, taken: int) -> None:
    ports = {"connect_port", "thrift_port", "spark_ui_port", "airflow_port", "cluster_ui_port"}
    settings = Settings(
        home=tmp_path,
        cluster_workers=2,
        spark_master=f"spark://127.0.0.1:{taken - 2}",
        **{name: free_port() for name in ports},
    )
    failed = [check.name for check in doctor.ports(settings) if not check.ok]
    assert f"port {taken} (spark_master)" in failed


def test_a_missing_java_is_named_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not doctor.java().ok
    assert "openjdk-17" in doctor.java().remedy


def test_an_old_java_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho java.base@11.0.2\n")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert "version 11" in doctor.java().found
    assert not doctor.java().ok


def test_a_heap_larger_than_the_machine_is_refused() -> None:
    assert not doctor.memory("9000g").ok
    assert doctor.memory("512m").ok


def test_a_home_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    home = next(c for c in doctor.checks(Settings(home=file / "home")) if c.name == "home")
    assert not home.ok
