"""What has failed last: gates, refused deliveries and attempts, with what to run."""

import datetime
from dataclasses import dataclass

import sqlalchemy as sa

from countinghouse import names
from countinghouse.ledger.rows import tuples
from countinghouse.ledger.tables import attempts, deliveries, gate_results
from countinghouse.notifier import command_for

DAYS = 7
MOST = 10
_TEXT = 200


@dataclass(frozen=True)
class Failure:
    """A gate that failed, a delivery that was refused, or an attempt that broke."""

    at: datetime.datetime
    table: str
    partition: str
    rule: str
    message: str
    command: str


def last_failures(connection: sa.Connection, now: datetime.datetime) -> list[Failure]:
    """The last ten failures of the last seven days, newest first."""
    since = now - datetime.timedelta(days=DAYS)
    gates = _gates(connection, since)
    # A refusal by landing is in both logs; the gate's row says when it was refused.
    told = {(one.table, one.partition) for one in gates if one.rule == "delivery accepted"}
    refused = [one for one in _refused(connection, since) if (one.table, one.partition) not in told]
    found = [*gates, *refused, *_attempts(connection, since)]
    return sorted(found, key=lambda one: one.at, reverse=True)[:MOST]


def _gates(connection: sa.Connection, since: datetime.datetime) -> list[Failure]:
    query = (
        sa.select(gate_results)
        .where(
            gate_results.c.evaluated_at >= since,
            gate_results.c.severity == "block",
            ~gate_results.c.passed,
        )
        .order_by(gate_results.c.result_id.desc())
        .limit(MOST)
    )
    return [
        Failure(
            row.evaluated_at,
            row.table_name,
            row.dt,
            row.rule,
            _said(row.observed),
            command_for(row.table_name, row.dt),
        )
        for row in connection.execute(query)
    ]


def _said(observed: dict[str, object]) -> str:
    """Counts, or the sentence that a gate has left: never the value of a PII column."""
    for key in ("reason", "message", "error"):
        if observed.get(key):
            such = f", such as {observed['sample']}" if observed.get("sample") else ""
            return f"{observed[key]}{such}"[:_TEXT]
    return ", ".join(f"{name} {value}" for name, value in observed.items())[:_TEXT]


def _refused(connection: sa.Connection, since: datetime.datetime) -> list[Failure]:
    query = (
        sa.select(deliveries.c.received_at, deliveries.c.feed, deliveries.c.dt, deliveries.c.reason)
        .where(deliveries.c.status == "refused", deliveries.c.received_at >= since)
        .order_by(deliveries.c.position.desc())
        .limit(MOST)
    )
    found = []
    for at, feed, dt, reason in tuples(connection.execute(query)):
        raw = names.Feed.parse(feed).raw
        message, command = str(reason)[:_TEXT], command_for(raw, dt)
        found.append(Failure(at, raw, dt, "delivery accepted", message, command))
    return found


def _attempts(connection: sa.Connection, since: datetime.datetime) -> list[Failure]:
    query = (
        sa.select(attempts)
        .where(attempts.c.state == "failed", attempts.c.started_at >= since)
        .order_by(attempts.c.started_at.desc())
        .limit(MOST)
    )
    return [
        Failure(
            row.ended_at or row.started_at,
            f"{row.kind} {row.scope}",
            row.run_id,
            "the attempt ends",
            (row.error or "").partition("\n")[0][:_TEXT],
            "countinghouse stale --why",
        )
        for row in connection.execute(query)
    ]
