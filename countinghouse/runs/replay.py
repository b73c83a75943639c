"""Lands archived deliveries again because rows of them are in quarantine."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from countinghouse.contracts import Contract
from countinghouse.errors import CountinghouseError
from countinghouse.ledger import open_ledger
from countinghouse.ledger.rows import tuples
from countinghouse.ledger.tables import pointers, versions
from countinghouse.questions import quarantined
from countinghouse.runs.land import land
from countinghouse.runs.report import RunReport
from countinghouse.settings import Settings


@dataclass(frozen=True)
class Counts:
    """Published rows of one delivery date of a feed."""

    landed: int
    quarantined: int


@dataclass(frozen=True)
class Replayed:
    """A delivery date before and after it was landed again."""

    dt: str
    before: Counts
    after: Counts


def replay(
    settings: Settings, contract: Contract, dt: str | None = None, *, run_id: str
) -> tuple[RunReport, list[Replayed]]:
    """Land the dates with quarantined rows, or one of them, under the contract as it is now.

    The archived bytes are read again although neither they nor the contract's fingerprint have
    changed. Raises when nothing of the feed is in quarantine.
    """
    ledger, feed = open_ledger(settings), contract.feed
    with ledger.connect() as connection:
        chosen = [
            day for day in quarantined.dates(connection, feed.quarantine) if dt in (None, day)
        ]
        before = _counts(connection, contract, chosen)
    if not chosen:
        raise CountinghouseError(
            f"{feed}{f' dt={dt}' if dt else ''} has no quarantined rows",
            remedy="countinghouse quarantine list",
        )
    again = {(feed.raw, day) for day in chosen}
    report = land(settings, [contract], run_id=run_id, again=again)
    with ledger.connect() as connection:
        after = _counts(connection, contract, chosen)
    return report, [Replayed(day, before[day], after[day]) for day in chosen]


def _counts(
    connection: sa.Connection, contract: Contract, dts: Collection[str]
) -> dict[str, Counts]:
    feed = contract.feed
    query = (
        sa.select(pointers.c.table_name, pointers.c.dt, versions.c.rows)
        .join(versions, versions.c.version_id == pointers.c.version_id)
        .where(pointers.c.table_name.in_([feed.raw, feed.quarantine]), pointers.c.dt.in_(dts))
    )
    rows = {(table, dt): count for table, dt, count in tuples(connection.execute(query))}
    return {
        dt: Counts(rows.get((feed.raw, dt), 0), rows.get((feed.quarantine, dt), 0)) for dt in dts
    }
