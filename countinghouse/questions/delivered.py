"""Answers a cell of the delivery calendar: files, rows in, landed, quarantined, conservation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from countinghouse import names
from countinghouse.contracts import load_contracts
from countinghouse.deliveries import archive
from countinghouse.errors import CountinghouseError
from countinghouse.ledger import open_ledger
from countinghouse.ledger.tables import conservation, deliveries, pointers, versions
from countinghouse.names import Feed
from countinghouse.questions import quality
from countinghouse.settings import Settings


@dataclass(frozen=True)
class File:
    """A delivered file; `archived` is where its bytes lie, relative to the installation."""

    name: str
    bytes: int
    rows: int | None
    sha256: str
    archived: str


@dataclass(frozen=True)
class LoggedVersion:
    """A row of the delivery log; `counts` says that its rows are in the published partition."""

    position: int
    seq: int
    version: int
    received_at: datetime
    status: str
    reason: str
    files: tuple[File, ...]
    counts: bool


@dataclass(frozen=True)
class Money:
    """Readable minor units of one amount and currency."""

    label: str
    came: int
    landed: int

    @property
    def quarantined(self) -> int:
        """What bad rows hold of it."""
        return self.came - self.landed


@dataclass(frozen=True)
class Landed:
    """The conservation figures of the published raw partition."""

    version_id: str
    at: datetime
    rows_in: int
    rows_landed: int
    rows_quarantined: int
    money: tuple[Money, ...]

    @property
    def holds(self) -> bool:
        """Whether every row that came is landed or quarantined."""
        return self.rows_in == self.rows_landed + self.rows_quarantined


@dataclass(frozen=True)
class DeliveredDay:
    """Everything that came of a feed for a day; no versions: nothing has been accepted yet."""

    feed: Feed
    dt: str
    owner: str
    description: str
    versions: tuple[LoggedVersion, ...]
    published: bool
    # None where nothing is published, or the ledger was rebuilt from storage
    landed: Landed | None
    # What did not pass, newest first
    findings: tuple[quality.Finding, ...]


def delivered(settings: Settings, feed: str, dt: str) -> DeliveredDay:
    """What came of a feed (`system.feed`) for a day, newest version first.

    Raises CountinghouseError for a feed that nothing declares and a day that is none.
    """
    contract = load_contracts(settings.project).get(str(Feed.parse(feed)))
    if contract is None:
        raise CountinghouseError(f"no feed {feed} is declared", remedy="see the delivery calendar")
    day = names.date(dt)
    ledger = open_ledger(settings)
    with ledger.connect() as connection:
        logged = connection.execute(
            sa.select(deliveries)
            .where(deliveries.c.feed == feed, deliveries.c.dt == day)
            .order_by(deliveries.c.position.desc())
        ).all()
        landed = _landed(connection, contract.feed.raw, day)
        published = _is_published(connection, contract.feed.raw, day)
    newest: dict[int, int] = {}
    for row in logged:
        if row.status == "accepted":
            newest[row.seq] = max(row.version, newest.get(row.seq, 0))
    return DeliveredDay(
        contract.feed,
        day,
        contract.owner,
        contract.description,
        tuple(_version(settings, row, newest.get(row.seq) == row.version) for row in logged),
        published,
        landed,
        quality.not_passed(ledger, contract.feed.raw, day),
    )


def _version(settings: Settings, row: sa.Row[Any], counts: bool) -> LoggedVersion:
    return LoggedVersion(
        row.position,
        row.seq,
        row.version,
        row.received_at,
        row.status,
        row.reason or "",
        tuple(_file(settings, file) for file in row.files),
        counts,
    )


def _file(settings: Settings, file: Mapping[str, Any]) -> File:
    path = archive.path_of(settings, file["sha256"])
    # The name is the source's: what cannot be printed would change how the page reads.
    return File(
        names.printable(file["name"]),
        file["bytes"],
        file.get("rows"),
        file["sha256"],
        str(path.relative_to(settings.home)),
    )


def _is_published(connection: sa.Connection, table: str, dt: str) -> bool:
    query = sa.select(pointers.c.dt).where(pointers.c.table_name == table, pointers.c.dt == dt)
    return connection.execute(query).one_or_none() is not None


def _landed(connection: sa.Connection, table: str, dt: str) -> Landed | None:
    query = (
        sa.select(conservation, versions.c.created_at)
        .join(pointers, pointers.c.version_id == conservation.c.version_id)
        .join(versions, versions.c.version_id == conservation.c.version_id)
        .where(pointers.c.table_name == table, pointers.c.dt == dt, conservation.c.hop == "landing")
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    labels = sorted({*row.money_in, *row.money_out})
    return Landed(
        row.version_id,
        row.created_at,
        row.rows_in,
        row.rows_out,
        row.rows_quarantined,
        tuple(Money(key, row.money_in.get(key, 0), row.money_out.get(key, 0)) for key in labels),
    )
