"""Rows of a result as plain tuples."""

from typing import Any

import sqlalchemy as sa


def tuples(result: sa.CursorResult[Any]) -> list[tuple[Any, ...]]:
    """All rows; mypy does not see that a Row is a tuple of its columns."""
    return [tuple(row) for row in result]
