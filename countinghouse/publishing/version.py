"""A version: an immutable directory with the rows of one partition, and its manifest."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from countinghouse import names
from countinghouse.names import WHOLE
from countinghouse.planning.planner import Input, inputs_digest

FORMAT_VERSION = 1
MANIFEST = "_manifest.json"
AUDIT = "_audit.json"
CONFIRMED = "_confirmed.json"
DIRECTORY = "versions"
_PARQUET = b"PAR1"


@dataclass(frozen=True)
class Version:
    """What the manifest of a version says; `location` is relative to the warehouse."""

    version_id: str
    table: str
    dt: str
    attempt_id: str
    location: str
    rows: int
    digest: str
    money: Mapping[str, int]
    fingerprint: str
    inputs: tuple[Input, ...]
    files: Mapping[str, int] = field(default_factory=dict)
    slices: Mapping[str, Mapping[str, Any]] | None = None
    format_version: int = FORMAT_VERSION

    @property
    def bytes(self) -> int:
        """Size of all data files."""
        return sum(self.files.values())

    @property
    def inputs_digest(self) -> str:
        """One digest over the inputs."""
        return inputs_digest(self.inputs)


def attempt_root(warehouse: Path, attempt_id: str) -> Path:
    """Folder that only this attempt writes to."""
    return warehouse / DIRECTORY / attempt_id


def location(attempt_id: str, table: str, dt: str) -> str:
    """Where an attempt writes a partition, relative to the warehouse."""
    folder = f"{DIRECTORY}/{attempt_id}/{names.table(table)}"
    return folder if names.partition(dt) == WHOLE else f"{folder}/dt={dt}"


def data_files(folder: Path) -> dict[str, int]:
    """Names and sizes of the data files in a version directory, as a reader lists them."""
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        return {
            entry.name: entry.stat().st_size
            for entry in sorted(entries, key=lambda e: e.name)
            if entry.is_file() and not entry.name.startswith(("_", "."))
        }


def write_manifest(warehouse: Path, version: Version) -> None:
    """Put the manifest beside the data, in a directory that is made if absent; not yet durable."""
    folder = warehouse / version.location
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / MANIFEST, asdict(version), durable=False)


def read_manifest(folder: Path) -> Version:
    """The manifest of a version directory; raises FileNotFoundError without one."""
    content = json.loads((folder / MANIFEST).read_text())
    content["inputs"] = tuple(Input(**item) for item in content["inputs"])
    return Version(**content)


def write_confirmed(folder: Path, again: Version) -> None:
    """Keep the code and inputs of a rebuild that gave the same content as this directory."""
    inputs = [asdict(item) for item in again.inputs]
    content = {"fingerprint": again.fingerprint, "inputs": inputs}
    write_json(folder / CONFIRMED, content, durable=False)


def as_confirmed(folder: Path, version: Version) -> Version:
    """The version with the code and inputs that last gave its content."""
    try:
        said = json.loads((folder / CONFIRMED).read_text())
    except FileNotFoundError:
        return version
    inputs = tuple(Input(**item) for item in said["inputs"])
    return replace(version, fingerprint=said["fingerprint"], inputs=inputs)


def has_passed(folder: Path) -> bool:
    """Whether the directory holds the record of a passed audit."""
    try:
        return json.loads((folder / AUDIT).read_text())["passed"] is True
    except FileNotFoundError:
        return False


def write_json(path: Path, content: Any, *, durable: bool = True) -> None:
    """Write a file that is either absent or complete, also after a power cut.

    Without `durable` only once `os.sync` has been called: for many files at once.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w") as file:
        json.dump(content, file, indent=1, sort_keys=True, default=str)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    temporary.rename(path)


def broken(warehouse: Path, version: Version) -> str:
    """How the directory differs from its manifest; empty when it does not."""
    folder = warehouse / version.location
    found = data_files(folder)
    if found == dict(version.files):
        torn = [name for name in found if not _is_parquet(folder / name)]
        return f"{len(torn)} files are no Parquet: {torn[:3]}" if torn else ""
    missing = sorted(set(version.files) - set(found))
    extra = sorted(set(found) - set(version.files))
    return f"missing {missing[:3]}, unexpected {extra[:3]}, or sizes differ"


def _is_parquet(file: Path) -> bool:
    """Whether a file begins and ends as Parquet does: one that a crash filled with zeros does not.

    Source: https://parquet.apache.org/docs/file-format/
    """
    if file.stat().st_size < 2 * len(_PARQUET):
        return False
    with file.open("rb") as content:
        begins = content.read(len(_PARQUET))
        content.seek(-len(_PARQUET), os.SEEK_END)
        return begins == content.read() == _PARQUET
