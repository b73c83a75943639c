"""The landing folder: deliveries that are complete, and what their manifests announce.

`landing/<system>/<feed>/dt=YYYY-MM-DD[/seq=NN]/`, complete once `_DONE` or `_manifest.json` is
there. Names that do not follow this are told and never read.
"""

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from countinghouse import names
from countinghouse.contracts import Contract
from countinghouse.deliveries import archive
from countinghouse.errors import BadName
from countinghouse.settings import Settings

DONE = "_DONE"
MANIFEST = "_manifest.json"
_MANIFEST_BYTES = 4 << 20
_SEQUENCE = re.compile(r"seq=([0-9]{1,4})\Z")


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


def read(
    settings: Settings, contract: Contract, arrival: Arrival
) -> tuple[Manifest | None, tuple[ArchivedFile, ...], str]:
    """Archive an arrival: its manifest if any, its files, and why it is refused if it is."""
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
