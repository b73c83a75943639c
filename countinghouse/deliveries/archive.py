"""The archive: delivered bytes by their SHA-256, and a copy of the delivery log beside them."""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from countinghouse.errors import CountinghouseError
from countinghouse.settings import Settings

_BLOCK = 1 << 20


class StillGrowing(CountinghouseError):
    """A file or folder that changed while it was read, although it was said to be done."""


@dataclass(frozen=True)
class ArchivedFile:
    """A delivered file: its own name, and the digest under which its bytes are archived."""

    name: str
    sha256: str
    bytes: int
    rows: int | None = None


def still_growing(path: Path) -> StillGrowing:
    """The error for a file or delivery folder that was overtaken by its source."""
    return StillGrowing(
        f"{path} changed while it was read",
        remedy="wait until its source has put the marker there: then it is read again",
    )


def is_regular(path: Path) -> bool:
    """Whether a path is a regular file itself, not a link, pipe or folder."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def path_of(settings: Settings, sha256: str) -> Path:
    """Where the bytes with this digest lie."""
    return settings.archive / sha256[:2] / sha256


def log_path(settings: Settings, position: int) -> Path:
    """Where the copy of a row of the delivery log lies."""
    return settings.archive / "log" / f"{position:012d}.json"


def logged_positions(settings: Settings) -> set[int]:
    """Positions of the delivery log that have a copy."""
    return {int(path.stem) for path in (settings.archive / "log").glob("[0-9]*.json")}


def store(settings: Settings, path: Path) -> tuple[str, int]:
    """Copy a file into the archive; its digest and size. Bytes already there are left alone."""
    settings.archive.mkdir(parents=True, exist_ok=True)
    # Removed whatever happens: an attempt on a full disk does not fill it further.
    with tempfile.TemporaryDirectory(dir=settings.archive, prefix=".arriving-") as folder:
        arriving = Path(folder) / "copy"
        with _opened(path) as source, arriving.open("wb") as copy:
            before = os.fstat(source.fileno())
            digest, size = _copied(source, copy)
            after = os.fstat(source.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise still_growing(path)
            os.fchmod(copy.fileno(), 0o444)
            os.fsync(copy.fileno())
        target = path_of(settings, digest)
        if not (target.exists() and target.stat().st_size == size):
            target.parent.mkdir(exist_ok=True)
            arriving.replace(target)
    return digest, size


def write_log(settings: Settings, position: int, row: Mapping[str, Any]) -> None:
    """Write the copy of a row of the delivery log, whole or not at all."""
    path = log_path(settings, position)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".", delete=False) as copy:
        json.dump(row, copy, indent=1, sort_keys=True)
        copy.flush()
        os.fsync(copy.fileno())
    os.replace(copy.name, path)


def _opened(path: Path) -> BinaryIO:
    # A name may be swapped for a link or a pipe after it was looked at.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise still_growing(path)
    return os.fdopen(descriptor, "rb")


def _copied(source: BinaryIO, target: Any) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while block := source.read(_BLOCK):
        digest.update(block)
        target.write(block)
        size += len(block)
    target.flush()
    return digest.hexdigest(), size
