"""The engine is killed at every step of a publication, under a reader: nobody has to help."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import psutil
import pytest
import sqlalchemy as sa
from installations import engine_process

from countinghouse import failpoints
from countinghouse.ledger.tables import pointers, versions
from countinghouse.publishing.reconcile import surviving
from countinghouse.settings import Settings
from tests.faults.readers import Reader
from tests.faults.world import POINTS, Pair, publish, rows_of
from tests.harness import digest_of


@pytest.fixture
def kill_engine(installation: Settings) -> Callable[[], None]:
    """Kills the engine with SIGKILL, and returns when it is dead."""

    def kill() -> None:
        engine = engine_process(installation)
        engine.kill()
        with contextlib.suppress(psutil.TimeoutExpired):
            engine.wait(10)

    return kill


@pytest.fixture(scope="module")
def world(installation: Settings) -> Iterator[tuple[Pair, Reader]]:
    """One pair of tables and one reader over all kills: a version more with each of them."""
    pair = Pair()
    publish(installation, pair, 1)
    # It need not see every moment: the publications are as slow as the engine's restarts.
    with Reader(installation, pair, begun=1, done=1, pause=0.3) as reader:
        yield pair, reader


# The pointer statement has come to the engine, whose metastore is in a transaction.
LATER = ("in_publish_before_pointer, and a moment",)
STEPS = (*POINTS, *LATER)


@pytest.mark.parametrize(("value", "step"), list(enumerate(STEPS, start=2)), ids=STEPS)
def test_fault_11_fault_12_fault_13_fault_14_an_engine_killed_at_any_step_is_survived_by_the_run(
    installation: Settings,
    ledger: sa.Engine,
    world: tuple[Pair, Reader],
    kill_engine: Callable[[], None],
    record_property: Callable[[str, object], None],
    value: int,
    step: str,
) -> None:
    pair, reader = world
    reader.begun, reader.gap, reads = value, 0.0, reader.reads
    point = step.partition(",")[0]
    moment = threading.Timer(0.05, kill_engine)
    failpoints.hooks[point] = moment.start if step in LATER else kill_engine
    # As landing and building do it: a run goes on by itself when the engine is back.
    surviving(installation, lambda: publish(installation, pair, value, run_id=step))
    assert point not in failpoints.hooks
    # Killed after the last step, the engine may still be on its way back.
    reader.wait_for(1, seconds=120)
    reader.done = value
    reader.wait_for(1)
    record_property("reads", reader.reads - reads)
    record_property("torn", len(reader.torn))
    record_property("gap", round(reader.gap, 2))
    assert reader.torn == []
    assert reader.newest == dict.fromkeys(pair.partitions, value)
    with ledger.connect() as connection:
        query = sa.select(versions.c.digest).join(
            pointers, pointers.c.version_id == versions.c.version_id
        )
        found = connection.execute(query.where(pointers.c.table_name.in_([pair.daily, pair.whole])))
        # Those of a run that nothing disturbed.
        assert found.scalars().all() == [digest_of(rows_of(value))] * len(pair.partitions)
