"""Rows of a result as plain tuples."""

from collections.abc import Iterable
from typing import Any


def tuples(result: Iterable[Any]) -> list[tuple[Any, ...]]:
    """All rows; mypy does not see that a Row is a tuple of its columns."""
    return [tuple(row) for row in result]
