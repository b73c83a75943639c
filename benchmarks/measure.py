"""Clocks and meters: seconds, the engine's busy time, memory of all processes, the machine."""

import contextlib
import datetime as dt
import importlib.metadata
import json
import os
import platform
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
from pydantic import SecretStr

from countinghouse.services import processes
from countinghouse.settings import Settings

_PACKAGES = ("apache-airflow", "dbt-core", "dbt-spark", "duckdb", "great-expectations", "pyspark")
Span = tuple[float, float]
# By default the page forgets all but the newest 50.
EVERY_STATEMENT = {"spark.sql.ui.retainedExecutions": SecretStr("100000")}


def seconds(work: Callable[[], object]) -> float:
    """Wall time of `work`."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median(values: Iterable[float]) -> float:
    """Median, to milliseconds."""
    return round(statistics.median(values), 3)


class Memory:
    """Peak of the memory of an installation's processes, pages that they share counted once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.peak = 0
        self._stop = threading.Event()

    @contextlib.contextmanager
    def watched(self) -> Iterator["Memory"]:
        """Look every two seconds while the block runs."""
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    @property
    def megabytes(self) -> int:
        """The peak."""
        return self.peak // 1_000_000

    def _watch(self) -> None:
        while not self._stop.wait(2):
            found = {one.pid: one for one in processes.owned(self.settings)}
            found[os.getpid()] = psutil.Process()
            self.peak = max(self.peak, sum(map(_proportional, found.values())))


def _proportional(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error, OSError):
        return int(process.memory_full_info().pss)
    return 0


def busy(settings: Settings, since: float, until: float) -> float:
    """Seconds between two instants in which the engine ran at least one statement.

    As the engine's page of SQL statements has them: it keeps all only with `EVERY_STATEMENT`.
    """
    root = f"http://127.0.0.1:{settings.spark_ui_port}/api/v1/applications"
    (application,) = _get(root)
    found = _get(f"{root}/{application['id']}/sql?details=false&length=100000")
    spans = [_span(one) for one in found if one["status"] != "RUNNING"]
    return covered([(max(a, since), min(b, until)) for a, b in spans if b > since and a < until])


def covered(spans: Iterable[Span]) -> float:
    """Length of the union of spans."""
    total, end = 0.0, float("-inf")
    for first, last in sorted(spans):
        total += max(0.0, last - max(first, end))
        end = max(end, last)
    return total


def _get(address: str) -> list[dict[str, str]]:
    with urlopen(address, timeout=60) as answer:
        return list(json.load(answer))


def _span(statement: dict[str, str]) -> Span:
    text = statement["submissionTime"].replace("GMT", "+0000")
    began = dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
    return began, began + int(statement["duration"]) / 1000


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    model = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": model[0] if model else platform.machine(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
    }
