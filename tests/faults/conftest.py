"""What the fault tests have in common."""

from collections.abc import Callable, Iterator
from typing import Any

import alerted
import pytest

from countinghouse import failpoints
from countinghouse.settings import Settings
from tests.faults.readers import Reader
from tests.faults.world import Pair, counted


@pytest.fixture
def pair(installation: Settings, record_property: Callable[[str, object], None]) -> Iterator[Pair]:
    """Two tables that nobody else uses; afterwards every row is counted."""
    made = Pair()
    yield made
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
def no_hooks_left() -> Iterator[None]:
    """A failpoint that was not reached must not go off in the next test."""
    yield
    failpoints.hooks.clear()


@pytest.fixture
def alerts(installation: Settings) -> Callable[[], list[dict[str, Any]]]:
    """Alerts since the test began."""
    before = len(alerted.alerts(installation))
    return lambda: alerted.alerts(installation)[before:]
