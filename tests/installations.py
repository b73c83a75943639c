"""Installations of a test's own, beside the one that all tests of a worker share."""

import os
import random
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil

from countinghouse.services import control
from countinghouse.settings import Settings

_PORTS = ("connect_port", "thrift_port", "spark_ui_port", "airflow_port")
# Below those that the kernel hands to connections, and a range for each worker of pytest-xdist.
_FIRST, _RANGE = 20_000, 5_000


def free_ports() -> dict[str, int]:
    """A port for each of the settings; all different, and free a moment ago."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = _FIRST + worker * _RANGE
    candidates = random.SystemRandom().sample(range(first, first + _RANGE - 1000), 100)
    free = [port for port in candidates if _is_free(port)]
    return dict(zip(_PORTS, free[: len(_PORTS)], strict=True))


def ports_in_a_row(count: int) -> list[int]:
    """Free ports that follow each other, for a cluster: its workers are numbered."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    last = _FIRST + (worker + 1) * _RANGE
    for first in random.SystemRandom().sample(range(last - 1000, last - count), 100):
        row = list(range(first, first + count))
        if all(map(_is_free, row)):
            return row
    raise AssertionError(f"no {count} free ports in a row")


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def another(home: Path, **changes: Any) -> Iterator[Settings]:
    """An installation that is up, without Airflow, until the block ends."""
    settings = Settings(home=home, **free_ports(), **changes)
    control.up(settings, with_airflow=False)
    try:
        yield settings
    finally:
        control.down(settings)


def engine_process(settings: Settings) -> psutil.Process:
    """The engine that runs now."""
    return psutil.Process(next(c.pid for c in control.status(settings) if c.name == "engine"))
