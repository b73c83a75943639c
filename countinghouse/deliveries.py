"""Deliveries: found complete in the landing folder, archived by digest, written to the log.

Folder grammar: `landing/<system>/<feed>/dt=YYYY-MM-DD[/seq=NN]/`, complete once `_DONE` or
`_manifest.json` is there. The log is all that the warehouse learns from; positions order it.
"""

import fnmatch
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from countinghouse import archive, names
from countinghouse.contracts import Contract
from countinghouse.errors import BadName, CountinghouseError
from countinghouse.ledger import tables
from countinghouse.settings import Settings

DONE = "_DONE"
MANIFEST = "_manifest.json"
_MANIFEST_BYTES = 4 << 20
_SEQUENCE = re.compile(r"seq=([0-9]{1,4})\Z")
# Advisory lock of the log: positions become visible in their order.
_LOG_LOCK = 0x636F756E74


class ManifestFile(BaseModel):
    """A file as the source announces it."""

    model_config = ConfigDict(extra="forbid")

    name: str
    bytes: int
    sha256: str
    rows: int | None = None


class Manifest(BaseModel):
    """`_manifest.json`: files, records without headers, and sums of money columns.

    `control` is `{column: "123.45"}`, or `{column: {currency: "123.45"}}` for several currencies.
    """

    model_config = ConfigDict(extra="forbid")

    files: list[ManifestFile]
    rows: int | None = None
    control: dict[str, str | dict[str, str]] = Field(default_factory=dict)


@dataclass(frozen=True)
class Arrival:
    """A complete delivery in the landing folder, not yet looked into."""

    feed: names.Feed
    dt: str
    seq: int
    folder: Path


@dataclass(frozen=True)
class ArchivedFile:
    """A delivered file: its own name, and the digest under which its bytes are archived."""

    name: str
    sha256: str
    bytes: int
    rows: int | None = None


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


def discover(settings: Settings, contract: Contract) -> list[Arrival]:
    """Complete deliveries of a feed, by date and sequence, whether already accepted or not."""
    return [arrival for arrival, _ in _scan(settings, contract.feed) if arrival]


def strays(settings: Settings, contract: Contract) -> list[str]:
    """Folders below the feed that do not follow the grammar; nothing in them will be read."""
    return [problem for _, problem in _scan(settings, contract.feed) if problem]


def accept(
    ledger: sa.Engine, settings: Settings, contract: Contract, arrival: Arrival
) -> Delivery | None:
    """Archive a delivery and append it to the log; None if its date already has this content.

    A delivery that contradicts its own manifest is logged as refused, with the reason.
    """
    manifest, files, reason = _read(settings, contract, arrival)
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
        if delivery.digest in {known.digest for known in newest}:
            return None
        version = max((known.version for known in newest if known.seq == delivery.seq), default=0)
        logged = _append(connection, replace(delivery, version=version + 1))
    archive.write_log(settings, logged.position, _as_json(logged))
    return logged


def refuse(ledger: sa.Engine, settings: Settings, delivery: Delivery, reason: str) -> Delivery:
    """Mark a delivery as refused; its date keeps what was known before."""
    return _mark(ledger, settings, delivery, status="refused", reason=reason)


def readmit(ledger: sa.Engine, settings: Settings, delivery: Delivery) -> Delivery:
    """Take back a refusal, so that the archived bytes are landed under the contract of today."""
    return _mark(ledger, settings, delivery, status="accepted", reason=None)


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
    missing = 0
    with ledger.connect() as connection:
        for row in connection.execute(sa.select(tables.deliveries)):
            if not archive.log_path(settings, row.position).exists():
                archive.write_log(settings, row.position, _as_json(_from_row(row)))
                missing += 1
    return missing


def _scan(settings: Settings, feed: names.Feed) -> list[tuple[Arrival | None, str]]:
    root = settings.landing_root / feed.system / feed.name
    found: list[tuple[Arrival | None, str]] = []
    for folder in _folders(root):
        try:
            dt = names.date(folder.name.removeprefix("dt="))
            if not folder.name.startswith("dt=") or folder.is_symlink():
                raise BadName(f"{folder.name[:80]!r} is not dt=YYYY-MM-DD")
        except BadName as error:
            found.append((None, f"{folder}: {error.message}"))
            continue
        found.extend(_sequences(feed, dt, folder))
    return found


def _sequences(feed: names.Feed, dt: str, folder: Path) -> Iterable[tuple[Arrival | None, str]]:
    if _complete(folder):
        yield Arrival(feed, dt, 0, folder), ""
    for inner in _folders(folder):
        match = _SEQUENCE.match(inner.name)
        if not match or inner.is_symlink():
            yield None, f"{inner}: is not seq=NN"
        elif _complete(inner):
            yield Arrival(feed, dt, int(match[1]), inner), ""


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(entry for entry in root.iterdir() if entry.is_dir())


def _complete(folder: Path) -> bool:
    return any(archive.is_regular(folder / name) for name in (DONE, MANIFEST))


def _read(
    settings: Settings, contract: Contract, arrival: Arrival
) -> tuple[Manifest | None, tuple[ArchivedFile, ...], str]:
    """The manifest if there is one, the archived files, and why the delivery is refused."""
    paths = _files(arrival.folder)
    irregular = [path.name for path in paths if not archive.is_regular(path)]
    if irregular:
        return None, (), f"{irregular[0]!r} is not a regular file"
    files = tuple(ArchivedFile(path.name, *archive.store(settings, path)) for path in paths)
    try:
        manifest = _manifest(arrival.folder / MANIFEST)
    except ValueError as error:
        return None, files, f"{MANIFEST}: {error}"
    rows = {file.name: file.rows for file in manifest.files} if manifest else {}
    files = tuple(replace(file, rows=rows.get(file.name)) for file in files)
    return manifest, files, _contradiction(contract, files, manifest)


def _files(folder: Path) -> list[Path]:
    return sorted(
        entry
        for entry in folder.iterdir()
        if not entry.name.startswith(("_", ".")) and not _SEQUENCE.match(entry.name)
    )


def _manifest(path: Path) -> Manifest | None:
    if not archive.is_regular(path):
        return None
    if path.stat().st_size > _MANIFEST_BYTES:
        raise ValueError("too large")
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _contradiction(
    contract: Contract, files: Sequence[ArchivedFile], manifest: Manifest | None
) -> str:
    for file in files:
        if not fnmatch.fnmatchcase(file.name, contract.files):
            return f"file {file.name!r} does not match {contract.files!r}"
    if not files:
        return "no files"
    if manifest is None:
        return ""
    announced = {file.name: (file.sha256, file.bytes) for file in manifest.files}
    arrived = {file.name: (file.sha256, file.bytes) for file in files}
    for name in sorted({*announced, *arrived}):
        if name not in arrived:
            return f"file {name!r} of the manifest has not come"
        if name not in announced:
            return f"file {name!r} is not in the manifest"
        if announced[name] != arrived[name]:
            return f"file {name!r} differs from the manifest in size or sha256"
    unknown = sorted(set(manifest.control) - {money.column for money in contract.money})
    return f"control total of {unknown[0]}, which is no money column" if unknown else ""


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
