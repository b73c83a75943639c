"""Files written and inferred, and what landing's own reader makes of them."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from inferred import Inferred

TODAY = dt.date(2026, 7, 1)


@pytest.fixture
def inferred(tmp_path: Path) -> Callable[..., Inferred]:
    """Write a file, infer its contract, and read both back."""

    def made(content: str | bytes, *, name: str = "sales.csv", encoding: str = "utf-8") -> Inferred:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return Inferred.of([path], today=TODAY)

    return made
