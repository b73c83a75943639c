"""Alerts about rules that warn: their dates are published, and somebody should look at them."""

from collections.abc import Iterable, Mapping
from typing import Any

from countinghouse.notifier import Alert, command_for, notifier
from countinghouse.planning.planner import Partition
from countinghouse.publishing.publication import Verdict
from countinghouse.publishing.version import Version
from countinghouse.settings import Settings


def alert_warnings(
    settings: Settings, verdicts: Mapping[Partition, Verdict], published: Iterable[Version]
) -> None:
    """One alert for each table and rule, however many of its dates were published in one run."""
    found: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for version in published:
        verdict = verdicts.get((version.table, version.dt), Verdict(True))
        for result in verdict.results:
            if result["severity"] == "warn" and not result["passed"]:
                found.setdefault((version.table, result["rule"]), {})[version.dt] = result[
                    "observed"
                ]
    for (table, rule), dates in found.items():
        first, last = min(dates), max(dates)
        span = first if first == last else f"{first}..{last}"
        newest = dict(dates[last])
        sample = newest.pop("sample", "")
        rows = newest.get("failures") or newest.get("unexpected_count") or 0
        told = ", ".join(f"{name} {value}" for name, value in newest.items())
        alert = Alert(
            table=table,
            partition=span,
            rule=rule,
            rows=int(rows),
            sample=sample,
            message=f"{told} on {last}; {len(dates)} dates are published all the same",
            command=command_for(table, span),
            severity="warn",
        )
        notifier(settings).notify(alert)
