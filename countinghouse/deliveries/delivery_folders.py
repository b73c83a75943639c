"""The landing folder: deliveries that are complete, and what their manifests announce.

`landing/<system>/<feed>/dt=YYYY-MM-DD[/seq=NN]/`, complete once `_DONE` or `_manifest.json` is
there. Names that do not follow this are told and never read, and dates later than tomorrow (UTC)
not yet.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from countinghouse import names
from countinghouse.contracts import Contract
from countinghouse.deliveries import archive
from countinghouse.deliveries.archive import ArchivedFile
from countinghouse.deliveries.delivery_manifest import (
    Manifest,
    Say,
    contradiction,
    read_manifest,
    unknown_controls,
)
from countinghouse.errors import BadName
from countinghouse.landing.treatments import PII_KEY, alias
from countinghouse.settings import Settings

DONE = "_DONE"
MANIFEST = "_manifest.json"
# One spelling for each number, and none for 0: that is the folder of the date itself.
_SEQUENCE = re.compile(r"seq=(0[1-9]|[1-9][0-9]{1,3})\Z")


@dataclass(frozen=True)
class Arrival:
    """A complete delivery in the landing folder, not yet looked into."""

    feed: names.Feed
    dt: str
    seq: int
    folder: Path


def discover(settings: Settings, contract: Contract) -> list[Arrival]:
    """Complete deliveries of a feed, by date and sequence, whether already accepted or not."""
    return [found for found in _scan(settings, contract.feed) if isinstance(found, Arrival)]


def strays(settings: Settings, contract: Contract) -> list[str]:
    """Folders below the feed that do not follow the grammar; nothing in them will be read."""
    strays = [found for found in _scan(settings, contract.feed) if isinstance(found, _Stray)]
    if contract.keeps_raw_text:
        return [names.printable(f"{s.folder}: {s.problem}; {s.remedy}") for s in strays]
    say = quoting(settings, contract)
    return [f"{s.folder.parent}: folder {say(s.folder.name)}: {s.remedy}" for s in strays]


def quoting(settings: Settings, contract: Contract) -> Say:
    """How messages quote a name that came from outside: by an alias where it may be a person's."""
    if contract.keeps_raw_text:
        return repr
    return partial(alias, settings.secret(PII_KEY).encode())


class _Stray(NamedTuple):
    """A folder that does not follow the grammar, and why."""

    folder: Path
    problem: str
    remedy: str


def _scan(settings: Settings, feed: names.Feed) -> list[Arrival | _Stray]:
    root = settings.landing_root / feed.system / feed.name
    found: list[Arrival | _Stray] = []
    for folder in _folders(root):
        try:
            found.extend(_sequences(feed, _date(folder), folder))
        except BadName as error:
            found.append(_Stray(folder, error.message, error.remedy))
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


def _sequences(feed: names.Feed, dt: str, folder: Path) -> Iterable[Arrival | _Stray]:
    if _complete(folder):
        yield Arrival(feed, dt, 0, folder)
    for inner in _folders(folder):
        match = _SEQUENCE.match(inner.name)
        if not match or inner.is_symlink():
            remedy = "number deliveries of a date seq=01, seq=02 and so on"
            yield _Stray(inner, "is not seq=NN", remedy)
        elif _complete(inner):
            yield Arrival(feed, dt, int(match[1]), inner)


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(entry for entry in root.iterdir() if entry.is_dir())


def _complete(folder: Path) -> bool:
    return any(archive.is_regular(folder / name) for name in (DONE, MANIFEST))


def read(
    settings: Settings, contract: Contract, arrival: Arrival
) -> tuple[Manifest | None, tuple[ArchivedFile, ...], str]:
    """Archive an arrival: its manifest if any, its files, and why it is refused if it is.

    Files of a feed with persons in it go by aliases from here on.
    """
    before = signature(arrival.folder)
    manifest, files, reason = _read(settings, contract, arrival)
    if not _complete(arrival.folder) or signature(arrival.folder) != before:
        raise archive.still_growing(arrival.folder)
    if not contract.keeps_raw_text:
        say = quoting(settings, contract)
        files = tuple(replace(file, name=say(file.name)) for file in files)
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
    paths, say = _files(arrival.folder), quoting(settings, contract)
    irregular = [path.name for path in paths if not archive.is_regular(path)]
    if irregular:
        return None, (), f"{say(irregular[0])} is not a regular file"
    unspeakable = [path.name for path in paths if not _is_utf8(path.name)]
    if unspeakable:
        return None, (), f"file name {say(unspeakable[0])} is not UTF-8; rename it"
    files = tuple(ArchivedFile(path.name, *archive.store(settings, path)) for path in paths)
    try:
        manifest = read_manifest(arrival.folder / MANIFEST, str if say is repr else say)
    except ValueError as error:
        return None, files, f"{MANIFEST}: {error}; mend it"
    rows = {file.name: file.rows for file in manifest.files} if manifest else {}
    files = tuple(replace(file, rows=rows.get(file.name)) for file in files)
    reason = contradiction(contract, files, manifest, say)
    if manifest and (unknown := unknown_controls(contract, manifest)):
        reason = reason or f"control total of {say(unknown[0])}, which is no money column"
        # What is announced of nothing is not kept either.
        manifest = manifest.model_copy(update={"control": {}})
    return manifest, files, reason


def _files(folder: Path) -> list[Path]:
    return sorted(
        entry
        for entry in folder.iterdir()
        if not entry.name.startswith(("_", ".")) and not _SEQUENCE.match(entry.name)
    )


def _is_utf8(name: str) -> bool:
    # Bytes that are not arrive as surrogates.
    return not any("\ud800" <= character <= "\udfff" for character in name)
