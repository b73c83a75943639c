"""Answers the page "delivery calendar": per feed and day what came, and what is missing."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from countinghouse import deliveries, names
from countinghouse.contracts import Contract, load_contracts
from countinghouse.ledger import open_ledger
from countinghouse.ledger.rows import tuples
from countinghouse.ledger.tables import deliveries as log
from countinghouse.names import Feed
from countinghouse.runs.ingest import deadline
from countinghouse.settings import Settings

CAME, CORRECTED, REFUSED, MISSING = "came", "corrected", "refused", "missing"
ARRIVED, AWAITED, NOT_EXPECTED = "arrived", "awaited", "not expected"
# In words, for the legend of the page; the worst first.
STATES = {
    MISSING: "nothing complete came by the deadline",
    REFUSED: "the newest delivery broke its contract; what was published before stays",
    ARRIVED: "lies in the landing folder and has not been read yet",
    AWAITED: "may still come: the deadline has not passed",
    CORRECTED: "came more than once; the newest version counts",
    CAME: "came once and was accepted",
    NOT_EXPECTED: "the feed declares no deadline, or had not begun yet",
}
DAYS = 31


@dataclass(frozen=True)
class Day:
    """What is known of the deliveries of one feed for one day."""

    feed: Feed
    dt: str
    state: str


@dataclass(frozen=True)
class FeedDays:
    """A line of the calendar: a feed and its days, in order.

    It is `connected` when its system has ever delivered anything.
    """

    feed: Feed
    owner: str
    due: str
    days: tuple[Day, ...]
    connected: bool

    def count(self, state: str) -> int:
        """How many of its days are in this state."""
        return sum(day.state == state for day in self.days)


@dataclass(frozen=True)
class Calendar:
    """All feeds between two dates; `newest` is the newest day with a delivery, or empty."""

    dates: tuple[str, ...]
    feeds: tuple[FeedDays, ...]
    newest: str

    @property
    def groups(self) -> dict[bool, list[FeedDays]]:
        """The feeds of connected systems, and the others, where there are any."""
        found: dict[bool, list[FeedDays]] = {}
        for connected in (True, False):
            feeds = [line for line in self.feeds if line.connected is connected]
            found |= {connected: feeds} if feeds else {}
        return found


@dataclass(frozen=True)
class Logged:
    """What the delivery log says of one feed, as far as the calendar needs it.

    `states` are by day, also of a day in `accepted`, of which some version counts. `since` is the
    first day for which its system has delivered anything.
    """

    states: Mapping[str, str]
    accepted: Set[str]
    since: str


def calendar(settings: Settings, last: str, *, now: datetime, days: int = DAYS) -> Calendar:
    """Every declared feed on the `days` days that end with `last`; `now` judges deadlines."""
    dates = names.dates_between(names.plus_days(names.date(last), 1 - days), last)
    contracts = load_contracts(settings.project)
    with open_ledger(settings).connect() as connection:
        logged = logged_of(connection, contracts.values(), dates[0], dates[-1])
        newest = connection.execute(sa.select(sa.func.max(log.c.dt))).scalar() or ""
    lines = [
        FeedDays(
            contract.feed,
            contract.owner,
            due_by(contract),
            tuple(_days(settings, contract, logged[feed], dates, now)),
            bool(logged[feed].since),
        )
        for feed, contract in sorted(contracts.items())
    ]
    return Calendar(tuple(dates), tuple(lines), newest)


def due_by(contract: Contract) -> str:
    """The deadline as its contract says it, or empty."""
    expected = contract.expected
    return f"{expected.deadline} {expected.zone}, next day" if expected else ""


def overdue(contract: Contract, logged: Logged, dates: Sequence[str], now: datetime) -> list[str]:
    """Those of the days whose deadline has passed without a delivery that was accepted."""
    return [
        dt
        for dt in dates
        if _absent(contract, logged, dt, now) == MISSING and dt not in logged.accepted
    ]


def logged_of(
    connection: sa.Connection, contracts: Iterable[Contract], first: str, last: str
) -> dict[str, Logged]:
    """What the log says of these feeds between two dates, by `system.feed`."""
    feeds = {str(contract.feed): contract.system for contract in contracts}
    states: dict[str, dict[str, str]] = {feed: {} for feed in feeds}
    accepted: dict[str, set[str]] = {feed: set() for feed in feeds}
    for feed, dt, refused, versions in tuples(connection.execute(_newest(feeds, first, last))):
        states[feed][dt] = REFUSED if refused else CORRECTED if versions > 1 else CAME
        if versions:
            accepted[feed].add(dt)
    since: dict[str, str] = {}
    for feed, day in tuples(connection.execute(_first_days(feeds))):
        since[feeds[feed]] = min(day, since.get(feeds[feed], day))
    return {
        feed: Logged(states[feed], accepted[feed], since.get(system, ""))
        for feed, system in feeds.items()
    }


def _newest(feeds: Iterable[str], first: str, last: str) -> sa.Select[tuple[str, str, bool, int]]:
    """Per feed and day: whether a newest version is refused, and how many count of one sequence."""
    accepted = sa.case((log.c.status == "accepted", 1), else_=0)
    by_sequence = (log.c.feed, log.c.dt, log.c.seq)
    sequences = (
        sa.select(
            *by_sequence,
            sa.func.max(log.c.version).label("newest"),
            sa.func.max(sa.case((accepted == 0, log.c.version), else_=0)).label("refused"),
            sa.func.sum(accepted).label("accepted"),
        )
        .where(log.c.feed.in_(list(feeds)), log.c.dt.between(first, last))
        .group_by(*by_sequence)
        .subquery()
    )
    one = sequences.c
    return sa.select(
        one.feed,
        one.dt,
        sa.func.bool_or(one.newest == one.refused),
        sa.func.max(one.accepted),
    ).group_by(one.feed, one.dt)


def _first_days(feeds: Iterable[str]) -> sa.Select[tuple[str, str]]:
    return sa.select(log.c.feed, sa.func.min(log.c.dt)).where(
        log.c.feed.in_(list(feeds))
    ).group_by(log.c.feed)  # fmt: skip


def _days(
    settings: Settings, contract: Contract, logged: Logged, dates: Sequence[str], now: datetime
) -> Iterable[Day]:
    states = {dt: logged.states.get(dt) or _absent(contract, logged, dt, now) for dt in dates}
    if {MISSING, AWAITED} & set(states.values()):
        # Complete, but nobody has landed it yet.
        for arrival in deliveries.discover(settings, contract):
            if states.get(arrival.dt) in (MISSING, AWAITED):
                states[arrival.dt] = ARRIVED
    return (Day(contract.feed, dt, state) for dt, state in states.items())


def _absent(contract: Contract, logged: Logged, dt: str, now: datetime) -> str:
    today = now.astimezone(UTC).date()
    # Of a system that has never delivered, the last closed day is expected, as its DAG does.
    since = logged.since or (today - timedelta(days=1)).isoformat()
    if contract.expected is None or dt < since or dt > today.isoformat():
        return NOT_EXPECTED
    return MISSING if deadline(contract, dt) <= now else AWAITED
