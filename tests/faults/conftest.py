"""What the fault tests have in common."""

from collections.abc import Callable, Iterator
from typing import Any

import alerted
import pytest

from countinghouse import failpoints
from countinghouse.engine_session import open_session
from countinghouse.settings import Settings
from tests.faults.invariants import violated
from tests.faults.readers import ANY, Reader, Readers
from tests.faults.world import Pair, counted


@pytest.fixture
def pair(
    request: pytest.FixtureRequest,
    installation: Settings,
    record_property: Callable[[str, object], None],
) -> Iterator[Pair]:
    """Two tables that nobody else uses; afterwards every row is counted, and invariants hold."""
    made = Pair()
    yield made
    if not request.node.get_closest_marker("harmed"):
        session = open_session(installation, name="test")
        assert violated(installation, session, lambda table: made.name in table) == []
        session.stop()
    for name, rows in counted(installation, made).items():
        record_property(name, rows)
        assert not rows, f"{rows} rows {name}"


@pytest.fixture(autouse=True)
def readers_are_counted(record_property: Callable[[str, object], None]) -> Iterator[None]:
    """What the readers of a test have seen, for whoever asks; see `fault_report`."""
    Reader.ended.clear()
    yield
    for reader in Reader.ended:
        record_property("reads", reader.reads)
        record_property("torn", len(reader.torn))
        record_property("mixed", reader.mixed)
        record_property("gap", round(reader.gap, 2))


@pytest.fixture(autouse=True)
def watched(request: pytest.FixtureRequest) -> Iterator[None]:
    """Readers over Thrift and Connect beside whatever happens to a pair.

    Not where a test has its own, or does to the tables what nobody may do.
    """
    marked = any(map(request.node.get_closest_marker, ("own_readers", "harmed")))
    if "pair" not in request.fixturenames or marked:
        yield
        return
    # A session first: of two threads that import Spark at once each sees half of it.
    settings, pair, _ = map(request.getfixturevalue, ("installation", "pair", "session"))
    with Readers(settings, pair, begun=ANY, pause=0.2) as readers:
        yield
    assert readers.torn == []


@pytest.fixture(autouse=True)
def no_hooks_left() -> Iterator[None]:
    """A failpoint that was not reached must not go off in the next test."""
    yield
    failpoints.hooks.clear()


@pytest.fixture
def alerts(installation: Settings) -> Callable[[], list[dict[str, Any]]]:
    """Alerts since the test began."""
    before = len(alerted.alerts(installation))
    return lambda: alerted.alerts(installation)[before:]
