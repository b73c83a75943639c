"""Fault 1 at any moment: publishers and engines that are killed when nobody asked."""

import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from installations import engine_process

from countinghouse.engine_session import wait_until_healthy
from countinghouse.names import WHOLE
from countinghouse.publishing.reconcile import reconcile, surviving
from countinghouse.settings import Settings
from tests.faults.children import publisher
from tests.faults.readers import Readers
from tests.faults.world import DTS, Pair, publish, shown

pytestmark = pytest.mark.own_readers
ALL = {*DTS, WHOLE}
# A publication takes about as long; most are hit, and some have just ended.
_MOMENTS = 1.5


@pytest.fixture
def moments(request: pytest.FixtureRequest) -> Iterator[float]:
    """Seconds until each kill."""
    rng = random.Random(request.config.getoption("--fault-seed"))
    kills = int(request.config.getoption("--random-kills"))
    return (rng.uniform(0, _MOMENTS) for _ in range(kills))


def test_fault_1_a_publisher_killed_at_random_leaves_the_old_version_or_the_new(
    installation: Settings, pair: Pair, session: Any, moments: Iterator[float]
) -> None:
    publish(installation, pair, value := 1)
    with Readers(installation, pair, begun=1, done=1, pause=0.1) as readers:
        for value, moment in enumerate(moments, start=2):
            readers.began(value)
            with publisher(pair, value, run_id=f"killed {value}") as victim:
                time.sleep(moment)
                victim.kill()
            reconcile(installation, full=False)
            (done,) = set(shown(session, pair).values())
            readers.ended(done)
        readers.wait_for(1)
    assert readers.torn == []
    publish(installation, pair, value + 1)
    assert shown(session, pair) == dict.fromkeys(ALL, value + 1)


def test_fault_1_an_engine_killed_at_random_is_survived_by_the_run(
    installation: Settings, pair: Pair, moments: Iterator[float]
) -> None:
    publish(installation, pair, 1)
    with Readers(installation, pair, begun=1, done=1, pause=0.1) as readers:
        # An engine takes its time to come back: one of five.
        for value, moment in enumerate(list(moments)[::5], start=2):
            readers.began(value)
            killer = threading.Timer(moment, engine_process(installation).kill)
            killer.start()
            surviving(installation, lambda v=value: publish(installation, pair, v))
            killer.join()
            wait_until_healthy(installation, 120)
            readers.wait_for(1, seconds=120)
            readers.ended(value)
        readers.wait_for(1)
    assert readers.torn == []
