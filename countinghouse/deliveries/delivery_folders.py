"""The landing folder: deliveries that are complete, and what their manifests announce.

`landing/<system>/<feed>/dt=YYYY-MM-DD[/seq=NN]/`, complete once `_DONE` or `_manifest.json` is
there. Names that do not follow this are told and never read, and dates later than tomorrow (UTC)
not yet.
"""

import fnmatch
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from countinghouse import names
from countinghouse.contracts import Contract
from countinghouse.deliveries import archive
from countinghouse.errors import BadName
from countinghouse.settings import Settings

DONE = "_DONE"
MANIFEST = "_manifest.json"
_MANIFEST_BYTES = 4 << 20
# One spelling for each number, and none for 0: that is the folder of the date itself.
_SEQUENCE = re.compile(r"seq=(0[1-9]|[1-9][0-9]{1,3})\Z")


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

    @field_validator("control")
    @classmethod
    def _printable(
        cls, control: dict[str, str | dict[str, str]]
    ) -> dict[str, str | dict[str, str]]:
        # PostgreSQL stores no NUL.
        if not all(text.isprintable() for text in _texts(control)):
            raise ValueError("holds what cannot be printed")
        return control


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


def discover(settings: Settings, contract: Contract) -> list[Arrival]:
    """Complete deliveries of a feed, by date and sequence, whether already accepted or not."""
    return [arrival for arrival, _ in _scan(settings, contract.feed) if arrival]


def strays(settings: Settings, contract: Contract) -> list[str]:
    """Folders below the feed that do not follow the grammar; nothing in them will be read."""
    return [problem for _, problem in _scan(settings, contract.feed) if problem]


def _scan(settings: Settings, feed: names.Feed) -> list[tuple[Arrival | None, str]]:
    root = settings.landing_root / feed.system / feed.name
    found: list[tuple[Arrival | None, str]] = []
    for folder in _folders(root):
        try:
            found.extend(_sequences(feed, _date(folder), folder))
        except BadName as error:
            found.append((None, _stray(folder, error)))
    return found


def _date(folder: Path) -> str:
    dt = names.date(folder.name.removeprefix("dt="))
    if not folder.name.startswith("dt=") or folder.is_symlink():
        raise BadName(f"{folder.name[:80]!r} is not dt=YYYY-MM-DD", remedy="rename the folder")
    if dt > _tomorrow():
        raise BadName(
            f"{dt} is later than tomorrow (UTC)",
            remedy="name the folder after the day that it delivers",
        )
    return dt


def _tomorrow() -> str:
    # Where a day begins first, it does so 14 hours before UTC.
    return (datetime.now(UTC) + timedelta(days=1)).date().isoformat()


def _stray(folder: Path, error: BadName) -> str:
    return names.printable(f"{folder}: {error.message}; {error.remedy}")


def _sequences(feed: names.Feed, dt: str, folder: Path) -> Iterable[tuple[Arrival | None, str]]:
    if _complete(folder):
        yield Arrival(feed, dt, 0, folder), ""
    for inner in _folders(folder):
        match = _SEQUENCE.match(inner.name)
        if not match or inner.is_symlink():
            remedy = "number deliveries of a date seq=01, seq=02 and so on"
            yield None, _stray(inner, BadName("is not seq=NN", remedy=remedy))
        elif _complete(inner):
            yield Arrival(feed, dt, int(match[1]), inner), ""


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(entry for entry in root.iterdir() if entry.is_dir())


def _complete(folder: Path) -> bool:
    return any(archive.is_regular(folder / name) for name in (DONE, MANIFEST))


def read(
    settings: Settings, contract: Contract, arrival: Arrival
) -> tuple[Manifest | None, tuple[ArchivedFile, ...], str]:
    """Archive an arrival: its manifest if any, its files, and why it is refused if it is."""
    before = signature(arrival.folder)
    manifest, files, reason = _read(settings, contract, arrival)
    if not _complete(arrival.folder) or signature(arrival.folder) != before:
        raise archive.still_growing(arrival.folder)
    return manifest, files, names.printable(reason)


def signature(folder: Path) -> str:
    """Names, sizes and times of a folder's files: cheap, so that old days are not read again."""
    stats = sorted(
        (p.name, s.st_size, s.st_mtime_ns) for p in folder.iterdir() for s in [p.lstat()]
    )
    return hashlib.sha256(repr(stats).encode()).hexdigest()


def _read(
    settings: Settings, contract: Contract, arrival: Arrival
) -> tuple[Manifest | None, tuple[ArchivedFile, ...], str]:
    paths = _files(arrival.folder)
    irregular = [path.name for path in paths if not archive.is_regular(path)]
    if irregular:
        return None, (), f"{irregular[0]!r} is not a regular file"
    unspeakable = [path.name for path in paths if not _is_utf8(path.name)]
    if unspeakable:
        return None, (), f"file name {unspeakable[0]!r} is not UTF-8; rename it"
    files = tuple(ArchivedFile(path.name, *archive.store(settings, path)) for path in paths)
    try:
        manifest = _manifest(arrival.folder / MANIFEST)
    except ValueError as error:
        return None, files, f"{MANIFEST}: {error}; mend it"
    rows = {file.name: file.rows for file in manifest.files} if manifest else {}
    files = tuple(replace(file, rows=rows.get(file.name)) for file in files)
    return manifest, files, _contradiction(contract, files, manifest)


def _files(folder: Path) -> list[Path]:
    return sorted(
        entry
        for entry in folder.iterdir()
        if not entry.name.startswith(("_", ".")) and not _SEQUENCE.match(entry.name)
    )


def _is_utf8(name: str) -> bool:
    # Bytes that are not arrive as surrogates.
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _texts(said: object) -> Iterator[str]:
    if isinstance(said, dict):
        for part in (*said.keys(), *said.values()):
            yield from _texts(part)
    else:
        yield str(said)


def _manifest(path: Path) -> Manifest | None:
    if not archive.is_regular(path):
        return None
    if path.stat().st_size > _MANIFEST_BYTES:
        raise ValueError("too large")
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(": ".join(filter(None, [where, first["msg"]]))) from None


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
