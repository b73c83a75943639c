"""What landing keeps out and tells somebody about: refused deliveries, gaps in change logs."""

from collections.abc import Sequence

import sqlalchemy as sa

from countinghouse import deliveries, gates
from countinghouse.contracts import Contract
from countinghouse.deliveries import Delivery
from countinghouse.landing.result import LandedBatch
from countinghouse.ledger import publications, tables
from countinghouse.ledger.state import load_gaps
from countinghouse.notifier import Alert, notifier, refusal_hint
from countinghouse.planning.planner import State
from countinghouse.publishing.publication import Verdict, Work
from countinghouse.runs.report import Blocked, RunReport
from countinghouse.settings import Settings


def refuse(work: Work, batch: LandedBatch, state: State, report: RunReport) -> None:
    """Mark deliveries that broke their contract as a whole, and alert about each."""
    for refusal in batch.refusals:
        delivery = refusal.delivery
        verdict = Verdict(False, [gates.refusal(delivery.dt, refusal.reason).row()])
        partition = (delivery.feed.raw, delivery.dt)
        publications.record_gates(work.ledger, work.attempt, {partition: verdict})
        rows, sample = batch.bad_rows(delivery), batch.samples.get(delivery.position, ())
        problem = told(work.settings, delivery, refusal.reason, rows, "; ".join(sample))
        if _is_published(work, delivery, state):
            # The contract has changed, and would refuse it today: what it gave stays.
            report.blocked.append(problem)
        else:
            deliveries.refuse(work.ledger, work.settings, delivery, refusal.reason)
            report.refused.append(problem)


def told(
    settings: Settings, delivery: Delivery, reason: str, rows: int = 0, sample: str = ""
) -> Blocked:
    """Alert about a delivery that is refused; what a report says of it."""
    feed, message = delivery.feed, f"{delivery}: {reason}"
    rule = gates.DELIVERY_ACCEPTED
    notifier(settings).notify(
        Alert(
            table=feed.raw,
            partition=delivery.dt,
            rule=rule,
            rows=rows,
            sample=sample,
            message=f"{message}; the last good version stays published",
            hint=refusal_hint(feed.system),
            command=f"countinghouse land {feed.system}",
        )
    )
    return Blocked(feed.raw, delivery.dt, rule, rows, message, sample=sample)


def _is_published(work: Work, delivery: Delivery, state: State) -> bool:
    now = state.published.get(delivery.feed.raw, {}).get(delivery.dt)
    if now is None:
        return False
    read = tables.inputs.c
    query = sa.select(sa.func.count()).where(
        read.version_id == now.version_id, read.digest == delivery.digest
    )
    with work.ledger.connect() as connection:
        return bool(connection.execute(query).scalar_one())


def behind_gaps(
    settings: Settings, ledger: sa.Engine, contracts: Sequence[Contract]
) -> list[Blocked]:
    """Deliveries of change logs that wait for a position which has not come."""
    with ledger.connect() as connection:
        gaps = load_gaps(connection)
    found = []
    for contract in contracts:
        gap = gaps.get(contract.feed.raw)
        if gap is None:
            continue
        problem = Blocked(contract.feed.raw, gap.held[0], "positions without gaps", 0, str(gap))
        notifier(settings).notify(
            Alert(
                table=problem.table,
                partition=problem.dt,
                rule=problem.rule,
                message=str(gap),
                hint="deliver them, or declare them as known_missing",
                command=f"countinghouse land {contract.system}",
            )
        )
        found.append(problem)
    return found
