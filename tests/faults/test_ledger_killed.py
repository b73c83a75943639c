"""Fault 56: the ledger's server dies in the middle of a publication."""

import contextlib
import time
from typing import Any

import pytest

from countinghouse import failpoints
from countinghouse.names import WHOLE
from countinghouse.publishing.reconcile import reconcile
from countinghouse.services import postgres
from countinghouse.settings import Settings
from tests.faults.readers import Readers
from tests.faults.world import DECIDED, DTS, POINTS, Pair, publish, shown

pytestmark = pytest.mark.own_readers
ALL = {*DTS, WHOLE}
STEPS = ("after_claim", "before_publish", "after_decide", "before_complete")


@pytest.mark.parametrize("point", STEPS)
def test_fault_56_a_killed_ledger_leaves_old_or_new_and_the_next_run_goes_on(
    installation: Settings, pair: Pair, session: Any, point: str
) -> None:
    publish(installation, pair, 1)

    def kill() -> None:
        server = postgres.process(installation)
        assert server is not None
        server.kill()
        server.wait(10)

    failpoints.hooks[point] = kill
    with Readers(installation, pair, begun=2, done=1, pause=0.1) as readers:
        readers.wait_for(1)
        # It may outlive the server, or say that it did not.
        with contextlib.suppress(Exception):
            publish(installation, pair, 2)
        assert point not in failpoints.hooks
        readers.wait_for(1)
    assert readers.torn == []
    postgres.start(installation)
    expected = {2} if POINTS.index(point) >= DECIDED else {1, 2}
    end = time.monotonic() + 10 * installation.lease_seconds
    # What it has left may live as long as its lease.
    while len(found := set(shown(session, pair).values())) > 1 or not found <= expected:
        assert time.monotonic() < end, f"{found} is not rolled forward"
        reconcile(installation, full=False)
    publish(installation, pair, 3)
    assert shown(session, pair) == dict.fromkeys(ALL, 3)
    assert not [done for done in reconcile(installation, full=False) if pair.name in done]
