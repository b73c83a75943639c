"""What one page of Data Docs is about."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Page:
    """What one attempt's gates said about one table."""

    table: str
    attempt_id: str
    results: Sequence[Mapping[str, Any]]

    @property
    def at(self) -> dt.datetime:
        """When the last rule was evaluated."""
        evaluated: list[dt.datetime] = [result["evaluated_at"] for result in self.results]
        return max(evaluated)

    @property
    def failed(self) -> int:
        """How many rules failed, warnings too."""
        return sum(not result["passed"] for result in self.results)

    @property
    def passed(self) -> bool:
        """Whether no blocking rule failed."""
        return all(result["passed"] or result["severity"] != "block" for result in self.results)
