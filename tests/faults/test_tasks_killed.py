"""Faults 1, 5 and 51: tasks that die while they write, and a day on which nothing happened."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from installations import engine_process
from till import DT, GOOD, Till

from countinghouse.engine_session import wait_until_healthy
from countinghouse.publishing import gc
from countinghouse.publishing.version import DIRECTORY
from countinghouse.settings import Settings

ROWS = 120_000
MANY = [f"k{n},1,1.00,EUR,{DT}T10:00:00Z,x" for n in range(ROWS)]


@pytest.fixture
def till(installation: Settings, ledger: sa.Engine, tmp_path: Path) -> Till:
    return Till(installation, ledger, tmp_path)


def workers(engine: psutil.Process) -> list[psutil.Process]:
    """Python processes that read for the engine's tasks: children of its daemons."""
    found = []
    for child in engine.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            parent = child.parent()
            if parent and "pyspark.daemon" in parent.cmdline():
                found.append(child)
    return found


@contextlib.contextmanager
def killed_while_it_reads(
    settings: Settings, victims: Callable[[psutil.Process], list[psutil.Process]]
) -> Iterator[list[int]]:
    """Kill the victims as soon as a Python process of the engine has worked for a moment."""
    killed: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.02):
            engine = engine_process(settings)
            busy = []
            for worker in workers(engine):
                with contextlib.suppress(psutil.Error):
                    busy += [worker] if sum(worker.cpu_times()[:2]) > 0.5 else []
            if busy:
                for victim in victims(engine) or busy[:1]:
                    victim.kill()
                    killed.append(victim.pid)
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("what", ["engine", "Python process"])
def test_fault_1_fault_5_what_dies_while_it_writes_is_done_again_and_once(
    till: Till, installation: Settings, what: str
) -> None:
    contract = till.landed(GOOD)
    till.deliver(contract, *MANY)
    raw = contract.feed.raw
    before = set((installation.warehouse / DIRECTORY).iterdir())

    with killed_while_it_reads(installation, lambda e: [e] if what == "engine" else []) as killed:
        report = till.land(contract)

    assert killed, "nothing was killed: the landing was too quick"
    assert not report.failed, report.summary()
    wait_until_healthy(installation, 120)
    query = f"select count(*), count(distinct id), sum(amount) from {raw}"
    found = till.rows(query)
    assert found == [(ROWS, ROWS, ROWS)]
    eager = installation.model_copy(update={"gc_grace_seconds": 0, "rollback_depth": 0})
    gc.collect(eager, dry_run=False)
    # Of all attempts the one that was published is left.
    made = [folder for folder in set((installation.warehouse / DIRECTORY).iterdir()) - before
            if (folder / raw).exists()]  # fmt: skip
    assert len(made) == 1


def test_fault_51_a_day_on_which_nothing_happened_replaces_what_was_published(till: Till) -> None:
    contract = till.landed(GOOD)
    raw = contract.feed.raw
    assert till.rows(f"select count(*) from {raw}") == [(1,)]
    till.deliver(contract)
    assert (raw, DT) in till.land(contract).published
    assert till.rows(f"select count(*) from {raw}") == [(0,)]
