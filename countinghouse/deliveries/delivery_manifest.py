"""What `_manifest.json` announces, and how a delivery contradicts it."""

import fnmatch
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from countinghouse.contracts import Contract
from countinghouse.deliveries import archive
from countinghouse.deliveries.archive import ArchivedFile

_MANIFEST_BYTES = 4 << 20
# How a name that came from outside is quoted.
Say = Callable[[str], str]


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


def read_manifest(path: Path, say: Say) -> Manifest | None:
    """What a file announces, None where it is absent; ValueError says what is wrong with it."""
    if not archive.is_regular(path):
        return None
    if path.stat().st_size > _MANIFEST_BYTES:
        raise ValueError("too large")
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        known = {*Manifest.model_fields, *ManifestFile.model_fields}
        where = ".".join(
            p if p in known or p.isdecimal() else say(p) for p in map(str, first["loc"])
        )
        raise ValueError(": ".join(filter(None, [where, first["msg"]]))) from None


def contradiction(
    contract: Contract,
    files: Sequence[ArchivedFile],
    manifest: Manifest | None,
    say: Say,
) -> str:
    """How files differ from what was declared and announced; empty if they do not."""
    for file in files:
        if not fnmatch.fnmatchcase(file.name, contract.files):
            return f"file {say(file.name)} does not match {contract.files!r}"
    if not files:
        return "no files"
    if manifest is None:
        return ""
    announced = {file.name: (file.sha256, file.bytes) for file in manifest.files}
    arrived = {file.name: (file.sha256, file.bytes) for file in files}
    for name in sorted({*announced, *arrived}):
        if name not in arrived:
            return f"file {say(name)} of the manifest has not come"
        if name not in announced:
            return f"file {say(name)} is not in the manifest"
        if announced[name] != arrived[name]:
            return f"file {say(name)} differs from the manifest in size or sha256"
    return ""


def unknown_controls(contract: Contract, manifest: Manifest) -> list[str]:
    """Control totals of what is no money column."""
    return sorted(set(manifest.control) - {money.column for money in contract.money})


def _texts(said: object) -> Iterator[str]:
    if isinstance(said, dict):
        for part in (*said.keys(), *said.values()):
            yield from _texts(part)
    else:
        yield str(said)
