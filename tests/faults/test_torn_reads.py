"""Faults 28, 31 and 32: nobody reads half a publication, however often or long it takes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from countinghouse.engine_session import open_session
from countinghouse.names import WHOLE
from countinghouse.publishing import gc
from countinghouse.settings import Settings
from tests.faults.readers import Reader
from tests.faults.world import DTS, Pair, publish, shown

# Each moves four pointers: 100 publications.
_SETS = 25


def test_fault_28_no_read_is_torn_during_a_hundred_publications(
    installation: Settings, pair: Pair, session: Any
) -> None:
    publish(installation, pair, 1)
    with Reader(installation, pair, begun=1, done=1) as reader:
        for value in range(2, _SETS + 2):
            reader.begun = value
            publish(installation, pair, value)
            reader.done = value
        reader.wait_for(1)
    assert reader.torn == []
    assert reader.errors == []
    # The reader was there while versions came and went.
    assert len(reader.seen) > _SETS / 4
    assert shown(session, pair) == dict.fromkeys((*DTS, WHOLE), _SETS + 1)


def test_the_reader_sees_an_overwrite_in_place(installation: Settings, session: Any) -> None:
    """Negative control: what everybody else does tears, and the probe notices."""
    pair = Pair(dts=DTS)
    publish(installation, pair, 1)
    with Reader(installation, pair, begun=2, done=1) as reader:
        reader.wait_for(1)
        session.sql(
            f"INSERT OVERWRITE {pair.whole} "
            "SELECT 2, n FROM (SELECT explode(sequence(1, 32)) AS n, "
            "reflect('java.lang.Thread', 'sleep', 50L))"
        )
        reader.wait_for(1)
    assert reader.torn or reader.errors
    # Whole again for the tests that come after.
    publish(installation, pair, 2)


def test_fault_31_fault_32_a_long_query_ends_on_the_files_that_it_began_with(
    installation: Settings, pair: Pair, session: Any
) -> None:
    publish(installation, pair, 1)
    with Reader(installation, pair, begun=1, done=1) as reader, ThreadPoolExecutor() as pool:
        other = open_session(installation, name="a long query")
        # Without a result its answer is `null` or 'null'.
        nap = "coalesce(reflect('java.lang.Thread', 'sleep', 500L), 'null') = 'null'"
        slow = f"select count(*), min(n), max(n) from {pair.whole} where {nap}"
        running = pool.submit(other.sql(slow).collect)
        reader.wait_for(1)
        reader.begun = 2
        publish(installation, pair, 2)
        reader.done = 2
        gc.collect(installation, dry_run=False)
        reader.wait_for(1)
        assert not running.done(), "the query was too short to show anything"
        assert [tuple(row) for row in running.result(60)] == [(31, 1, 1)]
        other.stop()
    assert reader.torn == []
    assert shown(session, pair) == dict.fromkeys((*DTS, WHOLE), 2)
