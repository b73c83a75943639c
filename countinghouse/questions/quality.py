"""Answers the page "quality history": what the gates said of each table, newest first."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from countinghouse.gates import BLOCK
from countinghouse.ledger.rows import tuples
from countinghouse.ledger.tables import gate_results as results

PASSED, WARNED, FAILED = "passed", "warned", "failed"
OUTCOMES = (FAILED, WARNED, PASSED)
# A page shows so many results, whatever the history; a check has about a dozen.
_RESULTS = 1500
_NOT_PASSED = 300
_OF_PARTITION = 50
_COLUMNS = (
    results.c.result_id,
    results.c.attempt_id,
    results.c.table_name,
    results.c.dt,
    results.c.gate,
    results.c.rule,
    results.c.severity,
    results.c.passed,
    results.c.evaluated_at,
)


@dataclass(frozen=True)
class Finding:
    """What came of one rule for a partition, or for `first..last` of those that passed it."""

    result_id: int
    dt: str
    gate: str
    rule: str
    outcome: str
    at: datetime


@dataclass(frozen=True)
class Check:
    """What the gates said when one attempt audited one table."""

    table: str
    attempt_id: str
    at: datetime
    findings: tuple[Finding, ...]

    def of(self, outcome: str) -> list[Finding]:
        """Its findings with this outcome."""
        return [finding for finding in self.findings if finding.outcome == outcome]

    @property
    def outcome(self) -> str:
        """The worst of its findings'."""
        return worst(self.findings).outcome

    @property
    def span(self) -> str:
        """First and last partition."""
        days = [day for finding in self.findings for day in finding.dt.split("..")]
        first, last = min(days), max(days)
        return first if first == last else f"{first} to {last}"


@dataclass(frozen=True)
class Checks:
    """Checks of a page, newest first; `older` is the `before` of the next page, None at the end."""

    checks: tuple[Check, ...]
    older: int | None

    def by_rule(self, newest: int) -> list[tuple[str, list[Finding | None]]]:
        """Per rule its worst finding in each of the newest checks, as they are ordered."""
        shown = self.checks[:newest]
        rules = dict.fromkeys(finding.rule for check in shown for finding in check.findings)
        return [(rule, [_of_rule(rule, check) for check in shown]) for rule in sorted(rules)]


def worst(findings: Iterable[Finding]) -> Finding:
    """The finding that matters most."""
    return min(findings, key=lambda finding: OUTCOMES.index(finding.outcome))


def checks(
    ledger: sa.Engine,
    table: str | None = None,
    *,
    not_passed: bool = False,
    before: int | None = None,
    most: int | None = None,
) -> Checks:
    """The newest checks, of one table or all; `not_passed` leaves out what passed.

    `before` is a result id; at most `most` results are read, however long the history is.
    """
    most = most or (_NOT_PASSED if not_passed else _RESULTS)
    query = sa.select(*_COLUMNS).order_by(results.c.result_id.desc()).limit(most + 1)
    if table is not None:
        query = query.where(results.c.table_name == table)
    if not_passed:
        query = query.where(~results.c.passed)
    if before is not None:
        query = query.where(results.c.result_id < before)
    with ledger.connect() as connection:
        rows = connection.execute(query).all()
    found = list(_grouped(rows[:most]))
    if len(rows) <= most:
        return Checks(tuple(found), None)
    *whole, cut = found
    if not whole:
        return Checks((cut,), rows[most - 1].result_id)
    # The last check may go on behind the limit: it opens the next page.
    return Checks(tuple(whole), max(f.result_id for f in cut.findings) + 1)


def not_passed(ledger: sa.Engine, table: str, dt: str) -> tuple[Finding, ...]:
    """The newest findings that warn of a partition or have failed it."""
    query = sa.select(*_COLUMNS).order_by(results.c.result_id.desc()).limit(_OF_PARTITION)
    query = query.where(results.c.table_name == table, results.c.dt == dt, ~results.c.passed)
    with ledger.connect() as connection:
        return tuple(map(finding, connection.execute(query)))


def tables(ledger: sa.Engine) -> list[str]:
    """Every table that a gate has ever looked at; by steps through the index, not row by row."""
    seen = sa.select(sa.func.min(results.c.table_name).label("name")).cte("seen", recursive=True)
    following = (
        sa.select(sa.func.min(results.c.table_name))
        .where(results.c.table_name > seen.c.name)
        .scalar_subquery()
    )
    seen = seen.union_all(sa.select(following).where(seen.c.name.is_not(None)))
    query = sa.select(seen.c.name).where(seen.c.name.is_not(None))
    with ledger.connect() as connection:
        return [name for (name,) in tuples(connection.execute(query))]


def outcome_of(severity: str, passed: bool) -> str:
    """A rule that is broken warns, or fails the partition."""
    if passed:
        return PASSED
    return FAILED if severity == BLOCK else WARNED


def _grouped(rows: Sequence[sa.Row[Any]]) -> Iterator[Check]:
    groups: dict[tuple[str, str], list[sa.Row[Any]]] = {}
    for row in rows:
        groups.setdefault((row.attempt_id, row.table_name), []).append(row)
    for (attempt, table), found in groups.items():
        yield Check(table, attempt, found[0].evaluated_at, tuple(map(finding, found)))


def finding(row: sa.Row[Any]) -> Finding:
    """A row of `ops.gate_results` with the outcome in one word."""
    outcome = outcome_of(row.severity, row.passed)
    return Finding(row.result_id, row.dt, row.gate, row.rule, outcome, row.evaluated_at)


def _of_rule(rule: str, check: Check) -> Finding | None:
    found = [finding for finding in check.findings if finding.rule == rule]
    return worst(found) if found else None
