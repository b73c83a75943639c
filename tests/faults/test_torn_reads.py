"""Fault 28: nobody reads half a publication, however often one happens."""

from typing import Any

from countinghouse.names import WHOLE
from countinghouse.settings import Settings
from tests.faults.readers import Reader
from tests.faults.world import DTS, Pair, publish, shown

# Each moves four pointers: 100 publications.
_SETS = 25


def test_no_read_is_torn_during_a_hundred_publications(
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
