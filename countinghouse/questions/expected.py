"""Per feed: what came last, what was refused, and what is missing past its deadline."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from countinghouse import deliveries, names
from countinghouse.contracts import Contract
from countinghouse.ledger.rows import tuples
from countinghouse.ledger.state import load_gaps
from countinghouse.ledger.tables import deliveries as log
from countinghouse.runs.ingest import deadline
from countinghouse.settings import Settings

# Older gaps are history: nobody waits for those deliveries any more.
HORIZON_DAYS = 31


@dataclass(frozen=True)
class RefusedDelivery:
    """The newest version of a delivery, refused and not corrected since."""

    dt: str
    seq: int
    received_at: datetime.datetime
    reason: str


@dataclass(frozen=True)
class FeedDeliveries:
    """Deliveries of one feed; `missing` are dates whose deadline has passed, oldest first."""

    feed: str
    owner: str
    newest: str | None = None
    accepted_at: datetime.datetime | None = None
    refused: tuple[RefusedDelivery, ...] = ()
    missing: tuple[str, ...] = ()
    # When the oldest missing one was due
    due: datetime.datetime | None = None
    # Of a change log: which positions are missing, and what waits for them
    gap: str = ""


@dataclass
class _Logged:
    first: str = ""
    newest: str = ""
    accepted_at: datetime.datetime | None = None
    recent: set[str] = field(default_factory=set)


def feed_deliveries(
    settings: Settings,
    connection: sa.Connection,
    contracts: Iterable[Contract],
    now: datetime.datetime,
) -> list[FeedDeliveries]:
    """One entry per declared feed, by name; missing deliveries of the last 31 days."""
    since = names.plus_days(now.date().isoformat(), -HORIZON_DAYS)
    logged, refused = _logged(connection, since), _refused(connection)
    gaps = load_gaps(connection)
    found = []
    for contract in sorted(contracts, key=lambda contract: str(contract.feed)):
        feed = str(contract.feed)
        known = logged.get(feed, _Logged())
        missing = _missing(settings, contract, known, since, now)
        found.append(
            FeedDeliveries(
                feed,
                contract.owner,
                known.newest or None,
                known.accepted_at,
                refused.get(feed, ()),
                tuple(missing),
                deadline(contract, missing[0]) if missing else None,
                str(gaps.get(contract.feed.raw, "")),
            )
        )
    return found


def _logged(connection: sa.Connection, since: str) -> dict[str, _Logged]:
    accepted = log.c.status == "accepted"
    of_feed = sa.func.row_number().over(
        partition_by=log.c.feed, order_by=(log.c.dt.desc(), log.c.position.desc())
    )
    first = sa.func.min(log.c.dt).over(partition_by=log.c.feed)
    aged = (
        sa.select(
            log.c.feed, log.c.dt, log.c.received_at, of_feed.label("age"), first.label("first")
        )
        .where(accepted)
        .subquery()
    )
    newest = sa.select(aged).where(aged.c.age == 1)
    found = {
        row.feed: _Logged(row.first, row.dt, row.received_at) for row in connection.execute(newest)
    }
    recent = sa.select(log.c.feed, log.c.dt).where(accepted, log.c.dt >= since)
    for feed, dt in tuples(connection.execute(recent)):
        found[feed].recent.add(dt)
    return found


def _refused(connection: sa.Connection) -> Mapping[str, tuple[RefusedDelivery, ...]]:
    age = sa.func.row_number().over(
        partition_by=(log.c.feed, log.c.dt, log.c.seq), order_by=log.c.version.desc()
    )
    aged = sa.select(log, age.label("age")).subquery()
    query = sa.select(aged).where(aged.c.age == 1, aged.c.status == "refused")
    found: dict[str, tuple[RefusedDelivery, ...]] = {}
    for row in connection.execute(query.order_by(aged.c.dt, aged.c.seq)):
        one = RefusedDelivery(row.dt, row.seq, row.received_at, row.reason or "")
        found[row.feed] = (*found.get(row.feed, ()), one)
    return found


def _missing(
    settings: Settings, contract: Contract, known: _Logged, since: str, now: datetime.datetime
) -> list[str]:
    """Days that have closed and whose delivery is neither logged nor waits in the landing."""
    if contract.expected is None:
        return []
    yesterday = names.plus_days(now.date().isoformat(), -1)
    # A feed that never came is asked for like any other, by the run of the last closed day.
    first = max(known.first, since) if known.first else yesterday
    days = names.dates_between(min(first, yesterday), yesterday)
    late = [day for day in days if day not in known.recent and deadline(contract, day) <= now]
    if not late:
        return []
    waiting = {arrival.dt for arrival in deliveries.discover(settings, contract)}
    return [day for day in late if day not in waiting]
