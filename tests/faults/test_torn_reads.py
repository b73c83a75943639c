"""Faults 28, 31 and 32: nobody reads half a publication, however often or long it takes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from countinghouse.engine_session import open_session
from countinghouse.names import WHOLE
from countinghouse.publishing import gc
from countinghouse.settings import Settings
from tests.faults.readers import Readers
from tests.faults.world import DTS, Pair, publish, shown

pytestmark = pytest.mark.own_readers
# Each moves four pointers: 100 publications.
_SETS = 25


def test_fault_28_no_read_is_torn_during_a_hundred_publications(
    installation: Settings, pair: Pair, session: Any
) -> None:
    publish(installation, pair, 1)
    with Readers(installation, pair, begun=1, done=1) as readers:
        readers.wait_for(1)
        for value in range(2, _SETS + 2):
            readers.began(value)
            publish(installation, pair, value)
            readers.ended(value)
        readers.wait_for(1)
    assert readers.torn == []
    assert readers.errors == []
    # They were there while versions came and went.
    assert min(len(reader.seen) for reader in readers.all) > _SETS / 4
    assert shown(session, pair) == dict.fromkeys((*DTS, WHOLE), _SETS + 1)


def test_fault_31_fault_32_a_long_query_ends_on_the_files_that_it_began_with(
    installation: Settings, pair: Pair, session: Any
) -> None:
    publish(installation, pair, 1)
    with Readers(installation, pair, begun=1, done=1) as readers, ThreadPoolExecutor() as pool:
        readers.wait_for(1)
        other = open_session(installation, name="a long query")
        # Without a result its answer is `null` or 'null'.
        nap = "coalesce(reflect('java.lang.Thread', 'sleep', 1200L), 'null') = 'null'"
        slow = f"select count(*), min(n), max(n) from {pair.whole} where {nap}"
        running = pool.submit(other.sql(slow).collect)
        readers.wait_for(1)
        readers.began(2)
        publish(installation, pair, 2)
        readers.ended(2)
        gc.collect(installation, dry_run=False)
        assert not running.done(), "the query was too short to show anything"
        readers.wait_for(1)
        assert [tuple(row) for row in running.result(120)] == [(31, 1, 1)]
        other.stop()
    assert readers.torn == []
    assert shown(session, pair) == dict.fromkeys((*DTS, WHOLE), 2)
