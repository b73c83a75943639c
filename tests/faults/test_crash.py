"""Faults 1 to 4, 107 and 114: a publisher that is killed leaves old or new, and nothing to tidy."""

from typing import Any

import pytest
import sqlalchemy as sa

from countinghouse.names import WHOLE
from countinghouse.publishing import outbox
from countinghouse.publishing.reconcile import reconcile
from countinghouse.settings import Settings
from tests.faults.children import publisher
from tests.faults.readers import Readers
from tests.faults.world import DECIDED, DTS, POINTS, Pair, publish, shown

ALL = {*DTS, WHOLE}


@pytest.mark.parametrize("point", POINTS)
def test_fault_2_fault_3_fault_4_fault_107_a_publisher_killed_at_any_point_is_finished_or_forgotten(
    installation: Settings, ledger: sa.Engine, pair: Pair, session: Any, point: str
) -> None:
    publish(installation, pair, 1)
    with publisher(pair, 2, run_id=pair.name, failpoint=f"{point}:kill9") as killed:
        killed.wait_until_killed()
    assert set(shown(session, pair).values()) <= {1, 2}
    reconcile(installation, full=False)
    decided = POINTS.index(point) >= DECIDED
    assert shown(session, pair) == dict.fromkeys(ALL, 2 if decided else 1)
    # Once, although the process died before it could tell anybody (107).
    events = [event.payload for event in outbox.pending(ledger, pair.name)]
    assert events == ([{"versions": 4}] if decided else [])
    publish(installation, pair, 3, run_id="next")
    assert shown(session, pair) == dict.fromkeys(ALL, 3)
    assert not [done for done in reconcile(installation, full=False) if pair.name in done]


@pytest.mark.own_readers
def test_fault_114_a_crash_in_the_middle_of_a_set_rolls_forward_under_its_readers(
    installation: Settings, pair: Pair, session: Any
) -> None:
    publish(installation, pair, 1)
    with Readers(installation, pair, begun=2, done=1) as readers:
        readers.wait_for(1)
        middle = "in_publish_before_pointer#2:kill9"
        with publisher(pair, 2, run_id="killed", failpoint=middle) as killed:
            killed.wait_until_killed()
        readers.wait_for(2)
        assert set(shown(session, pair).values()) == {1, 2}
        reconcile(installation, full=False)
        readers.ended(2)
        readers.wait_for(2)
    assert readers.torn == []
    assert [reader.seen for reader in readers.all] == [{1, 2}] * 2
    assert shown(session, pair) == dict.fromkeys(ALL, 2)
    # The whole of the catalog is compared with the ledger, and nothing is left to do.
    assert not [done for done in reconcile(installation) if pair.name in done]


def test_the_next_claimant_of_other_partitions_finishes_nothing_of_a_living_run(
    installation: Settings, pair: Pair, session: Any
) -> None:
    publish(installation, pair, 1)
    with publisher(pair, 2, run_id="alive", failpoint="after_decide:stop") as frozen:
        frozen.wait_until_frozen()
        # Frozen for less than its lease: it may be only slow.
        assert not [done for done in reconcile(installation) if "rolled" in done]
        assert shown(session, pair) == dict.fromkeys(ALL, 1)
        assert frozen.wake() == "published"
    assert shown(session, pair) == dict.fromkeys(ALL, 2)
