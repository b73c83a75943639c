"""Deliveries: found complete, archived by digest, and written to the delivery log.

The log is all that the warehouse learns from; its positions order the world.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa

from countinghouse import names
from countinghouse.contracts import Contract
from countinghouse.deliveries import archive
from countinghouse.deliveries.archive import ArchivedFile
from countinghouse.deliveries.delivery_folders import Arrival, discover, read, strays
from countinghouse.deliveries.delivery_manifest import Manifest
from countinghouse.errors import CountinghouseError
from countinghouse.ledger import tables
from countinghouse.settings import Settings

__all__ = ["ArchivedFile", "Arrival", "Delivery", "accept", "current", "discover", "strays"]

_log = logging.getLogger(__name__)

# Advisory lock of the log: positions become visible in their order.
_LOG_LOCK = 0x636F756E74


@dataclass(frozen=True)
class Delivery:
    """A row of the delivery log; `position` orders the world."""

    position: int
    feed: names.Feed
    dt: str
    seq: int
    version: int
    digest: str
    files: tuple[ArchivedFile, ...]
    control: Mapping[str, Any]
    status: str = "accepted"
    reason: str | None = None

    @property
    def refused(self) -> bool:
        """Whether the delivery broke its contract as a whole."""
        return self.status == "refused"

    def __str__(self) -> str:
        return f"{self.feed} dt={self.dt} seq={self.seq} version {self.version}"


def accept(
    ledger: sa.Engine, settings: Settings, contract: Contract, arrival: Arrival
) -> Delivery | None:
    """Archive a delivery and append it to the log; None if its sequence already has this content.

    A delivery that contradicts its own manifest is logged as refused, with the reason. Raises
    `StillGrowing` for one that changed meanwhile.
    """
    manifest, files, reason = read(settings, contract, arrival)
    control = _control(manifest)
    delivery = Delivery(
        position=0,
        feed=arrival.feed,
        dt=arrival.dt,
        seq=arrival.seq,
        version=0,
        digest=_digest(files, control, reason),
        files=files,
        control=control,
        status="refused" if reason else "accepted",
        reason=reason or None,
    )
    with ledger.begin() as connection:
        connection.execute(sa.text(f"select pg_advisory_xact_lock({_LOG_LOCK})"))
        newest = _newest_by_sequence(connection, delivery.feed, [delivery.dt])
        # Of this sequence only: what another one holds may be replaced in the next moment.
        known = next((known for known in newest if known.seq == delivery.seq), None)
        if known and known.digest == delivery.digest:
            return None
        logged = _append(connection, replace(delivery, version=known.version + 1 if known else 1))
    archive.write_log(settings, logged.position, _as_json(logged))
    if logged.refused:
        _log.warning("%s is refused: %s", arrival.folder, logged.reason)
    return logged


def refuse(ledger: sa.Engine, settings: Settings, delivery: Delivery, reason: str) -> Delivery:
    """Mark a delivery as refused; its date keeps what was known before."""
    return _mark(ledger, settings, delivery, status="refused", reason=reason)


def readmit(ledger: sa.Engine, settings: Settings, delivery: Delivery) -> Delivery:
    """Take back a refusal, so that the archived bytes are landed under the contract of today."""
    return _mark(ledger, settings, delivery, status="accepted", reason=None)


def readmit_refused(ledger: sa.Engine, settings: Settings, feed: names.Feed) -> list[Delivery]:
    """Readmit each newest delivery that landing has refused; not one that contradicts itself."""
    with ledger.connect() as connection:
        newest = _newest_by_sequence(connection, feed, None)
    return [
        readmit(ledger, settings, delivery)
        for delivery in newest
        if delivery.refused and delivery.digest == _digest(delivery.files, delivery.control, "")
    ]


def current(
    ledger: sa.Engine, feed: names.Feed, dts: Iterable[str] | None = None
) -> dict[str, list[Delivery]]:
    """Newest version that is not refused of each sequence, by date; every date without `dts`."""
    wanted = None if dts is None else list(dts)
    with ledger.connect() as connection:
        found = _newest_by_sequence(connection, feed, wanted, refused=False)
    by_date: dict[str, list[Delivery]] = {}
    for delivery in found:
        by_date.setdefault(delivery.dt, []).append(delivery)
    return by_date


def log(ledger: sa.Engine, feed: names.Feed) -> list[Delivery]:
    """Every row of the delivery log of a feed, by position."""
    rows = tables.deliveries
    with ledger.connect() as connection:
        found = connection.execute(
            sa.select(rows).where(rows.c.feed == str(feed)).order_by(rows.c.position)
        )
        return [_from_row(row) for row in found]


def write_missing_copies(ledger: sa.Engine, settings: Settings) -> int:
    """Complete the archive's copy of the log after a crash between commit and copy."""
    rows = tables.deliveries
    with ledger.connect() as connection:
        positions: set[int] = set(connection.execute(sa.select(rows.c.position)).scalars())
        missing = sorted(positions - archive.logged_positions(settings))
        for row in connection.execute(sa.select(rows).where(rows.c.position.in_(missing))):
            archive.write_log(settings, row.position, _as_json(_from_row(row)))
    return len(missing)


def _control(manifest: Manifest | None) -> dict[str, Any]:
    if manifest is None:
        return {}
    rows = manifest.rows
    if rows is None and manifest.files and all(f.rows is not None for f in manifest.files):
        rows = sum(f.rows or 0 for f in manifest.files)
    return {
        key: value
        for key, value in (("rows", rows), ("money", manifest.control))
        if value is not None
    }


def _digest(files: Sequence[ArchivedFile], control: Mapping[str, Any], reason: str) -> str:
    # Names do not count: the same content under another name is the same delivery.
    said = [sorted(file.sha256 for file in files), control, reason]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _newest_by_sequence(
    connection: sa.Connection,
    feed: names.Feed,
    dts: Sequence[str] | None,
    *,
    refused: bool = True,
) -> list[Delivery]:
    rows = tables.deliveries
    conditions = [rows.c.feed == str(feed)]
    if dts is not None:
        conditions.append(rows.c.dt.in_(dts))
    if not refused:
        conditions.append(rows.c.status != "refused")

    newest_first = rows.c.version.desc()
    age = sa.func.row_number().over(partition_by=(rows.c.dt, rows.c.seq), order_by=newest_first)
    aged = sa.select(*rows.c, age.label("age")).where(*conditions).subquery()
    query = sa.select(aged).where(aged.c.age == 1).order_by(aged.c.dt, aged.c.seq)
    return [_from_row(row) for row in connection.execute(query)]


def _append(connection: sa.Connection, delivery: Delivery) -> Delivery:
    position: int = connection.execute(
        tables.deliveries.insert().returning(tables.deliveries.c.position),
        {
            "feed": str(delivery.feed),
            "dt": delivery.dt,
            "seq": delivery.seq,
            "version": delivery.version,
            "digest": delivery.digest,
            "files": [asdict(file) for file in delivery.files],
            "control": dict(delivery.control),
            "status": delivery.status,
            "reason": delivery.reason,
        },
    ).scalar_one()
    return replace(delivery, position=position)


def _mark(
    ledger: sa.Engine, settings: Settings, delivery: Delivery, **values: str | None
) -> Delivery:
    rows = tables.deliveries
    with ledger.begin() as connection:
        row = connection.execute(
            rows.update()
            .where(rows.c.position == delivery.position)
            .values(**values)
            .returning(*rows.c)
        ).one_or_none()
        if row is None:
            raise CountinghouseError(f"{delivery} is not in the log", remedy="accept it first")
        marked = _from_row(row)
        # Before the commit: after a crash in between, the same mark is set again.
        archive.write_log(settings, marked.position, _as_json(marked))
    return marked


def _from_row(row: sa.Row[Any]) -> Delivery:
    return Delivery(
        position=row.position,
        feed=names.Feed.parse(row.feed),
        dt=row.dt,
        seq=row.seq,
        version=row.version,
        digest=row.digest,
        files=tuple(ArchivedFile(**file) for file in row.files),
        control=row.control,
        status=row.status,
        reason=row.reason,
    )


def _as_json(delivery: Delivery) -> dict[str, Any]:
    return asdict(delivery) | {"feed": str(delivery.feed)}
