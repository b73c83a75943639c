"""The parsed dbt project: parsed once per content, with the names of the published tables."""

import functools
import hashlib
import importlib.metadata
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from countinghouse.errors import ContractError
from countinghouse.settings import Settings

_PARTS = ("models", "macros", "tests")
_KEPT = 8
# Said on every call: no network, no files beside the project, no colours in task logs.
QUIET = (
    "--quiet",
    "--log-level=none",
    "--no-use-colors",
    "--log-level-file=none",
    "--no-version-check",
    "--no-send-anonymous-usage-stats",
)


def load_manifest(settings: Settings) -> Mapping[str, Any]:
    """The manifest as dbt documents it, without importing dbt when it is parsed already."""
    return read_manifest(manifest_path(settings))


def manifest_path(settings: Settings) -> Path:
    """The file of `load_manifest`; its folder is another one for each content of the project."""
    return _parsed(settings) / "manifest.json"


def is_parsed(settings: Settings) -> bool:
    """Whether the manifest of the project as it is now can be had without running dbt."""
    return _folder(settings).exists()


def packed_manifest(settings: Settings) -> bytes:
    """The manifest as dbt itself reads it; every run unpacks its own, because dbt changes it."""
    return (_parsed(settings) / "partial_parse.msgpack").read_bytes()


def project_dir(settings: Settings) -> Path:
    """Folder of the dbt project."""
    return settings.project / "dbt_project"


def invoke(
    settings: Settings, words: Iterable[str], target: Path, *, manifest: object = None
) -> Any:
    """Run dbt in this process; `target` is the only folder that it writes to."""
    os.environ["DO_NOT_TRACK"] = "1"
    from dbt.cli.main import dbtRunner

    folder = str(project_dir(settings))
    paths = (f"--project-dir={folder}", f"--profiles-dir={folder}")
    outputs = (f"--target-path={target}", f"--log-path={target}")
    return dbtRunner(manifest=manifest).invoke([*words, *paths, *outputs, *QUIET])


def _parsed(settings: Settings) -> Path:
    folder = _folder(settings)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _parse(settings, folder)
        _forget_old(folder.parent)
    return folder


def _folder(settings: Settings) -> Path:
    return settings.home / "dbt" / _content_key(project_dir(settings))


def _parse(settings: Settings, folder: Path) -> None:
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".parse-"))
    try:
        result = invoke(settings, ["parse", "--no-partial-parse"], fresh)
        if not result.success:
            raise ContractError(
                f"dbt cannot parse the project: {result.exception}",
                remedy="correct the file that it names",
            )
        # Another process may have parsed the same content meanwhile: either is right.
        if not folder.exists():
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _forget_old(root: Path) -> None:
    parsed = [path for path in root.iterdir() if not path.name.startswith(".")]
    for path in sorted(parsed, key=lambda path: path.stat().st_mtime)[:-_KEPT]:
        shutil.rmtree(path, ignore_errors=True)


def _content_key(project: Path) -> str:
    key = hashlib.sha256()
    for package in ("dbt-core", "dbt-spark"):
        key.update(f"{package}={importlib.metadata.version(package)}\n".encode())
    for path in _project_files(project):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        key.update(f"{path.relative_to(project)}\n{content}\n".encode())
    return key.hexdigest()[:32]


def _project_files(project: Path) -> list[Path]:
    inside = (path for part in _PARTS for path in (project / part).rglob("*") if path.is_file())
    return sorted([*project.glob("*.yml"), *inside])


@functools.lru_cache(maxsize=2)
def read_manifest(path: Path) -> Mapping[str, Any]:
    """The manifest in a file, which nobody may change."""
    manifest: Mapping[str, Any] = json.loads(path.read_text())
    return manifest
