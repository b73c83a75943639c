"""Landing into a folder of its own, on the session's engine and ledger."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from feeds import Landing, contract_of

from countinghouse.contracts import Contract

_numbers = itertools.count(1)


@pytest.fixture
def landing(installation: Any, ledger: Any, session: Any, tmp_path: Path) -> Landing:
    return Landing(installation, ledger, session, tmp_path)


@pytest.fixture
def sales(tmp_path: Path) -> Callable[..., Contract]:
    """Contracts of feeds that no other test delivers to."""

    def made(**changes: Any) -> Contract:
        number = next(_numbers)
        return contract_of(tmp_path / f"project-{number}", f"till{number}", **changes)

    return made
