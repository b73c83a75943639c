"""What the fault tests have in common."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from countinghouse import failpoints
from countinghouse.settings import Settings
from tests.faults.world import Pair


@pytest.fixture
def pair(installation: Settings) -> Pair:
    """Two tables that nobody else uses."""
    return Pair()


@pytest.fixture(autouse=True)
def no_hooks_left() -> Iterator[None]:
    """A failpoint that was not reached must not go off in the next test."""
    yield
    failpoints.hooks.clear()


@pytest.fixture
def alerts(installation: Settings) -> Callable[[], list[dict[str, Any]]]:
    """Alerts since the test began."""
    file = installation.logs / "alerts.jsonl"
    before = len(file.read_text().splitlines()) if file.exists() else 0

    def since() -> list[dict[str, Any]]:
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line) for line in lines[before:]]

    return since
