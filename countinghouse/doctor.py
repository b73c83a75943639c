"""What an installation needs from its machine, each with the remedy when it is missing.

Only the standard library is imported here: `make` runs this before anything is installed.
"""

import fcntl
import importlib.metadata
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from countinghouse.settings import Settings

_GIB = 1024**3
_JAVA = 17
_PYTHONS = ((3, 11), (3, 12))
# Packages, the demo's warehouse and room for one more version of it.
_DISK = 5 * _GIB
# Airflow, PostgreSQL and one build, beside the engine's heap.
_MEMORY_BESIDE_HEAP = 2 * _GIB
_DEFAULT_HEAP = "3g"
_UNITS = {"m": 1024**2, "g": _GIB}


@dataclass(frozen=True)
class Check:
    """One requirement; `found` says what was seen."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def checks(settings: "Settings", *, running: bool = False) -> list[Check]:
    """All checks; the ports are only looked at while the installation is not running."""
    found = [
        *machine(settings.home, heap=settings.driver_memory),
        _writable(settings.home),
        spark(),
    ]
    return found if running else [*found, metastore(settings), *ports(settings)]


def machine(home: Path, *, heap: str = _DEFAULT_HEAP) -> list[Check]:
    """Python, Java, memory and disk."""
    return [_python(), java(), memory(heap), _disk(home)]


def java() -> Check:
    """A Java runtime of version 17 or later with all of its modules, found as Spark finds it."""
    program = java_program()
    remedy = "install Java 17 (Debian: apt install openjdk-17-jre-headless) or set JAVA_HOME to one"
    if program is None:
        return Check("java", ok=False, found="no java in PATH, and no JAVA_HOME", remedy=remedy)
    try:
        answer = subprocess.run(
            [program, "--list-modules"], capture_output=True, text=True, timeout=30, check=False
        ).stdout
    except OSError as error:
        return Check("java", ok=False, found=f"{program}: {error.strerror}", remedy=remedy)
    version = re.search(r"^java\.base@(\d+)", answer, re.MULTILINE)
    if version is None or int(version[1]) < _JAVA:
        found = f"{program} is version {version[1] if version else 'unknown, below 9'}"
        return Check("java", ok=False, found=found, remedy=remedy)
    if "jdk.incubator.vector" not in answer:
        return Check("java", ok=False, found=f"{program} lacks jdk.incubator.vector", remedy=remedy)
    return Check("java", ok=True, found=f"{program}, version {version[1]}")


def java_program() -> str | None:
    """The Java that Spark takes: that of JAVA_HOME, else the first in PATH."""
    home = os.environ.get("JAVA_HOME")
    return str(Path(home) / "bin" / "java") if home else shutil.which("java")


def memory(heap: str) -> Check:
    """Physical memory for the engine's heap and what runs beside it."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    needed = _size(heap) + _MEMORY_BESIDE_HEAP
    found = f"{total / _GIB:.1f} GiB, and {needed / _GIB:.1f} are needed with a heap of {heap}"
    remedy = "set COUNTINGHOUSE_DRIVER_MEMORY lower (1g is the least that works)"
    return Check("memory", ok=total >= needed, found=found, remedy=remedy)


def spark() -> Check:
    """The packages pyspark and pyspark-client overwrite each other's files."""
    present = [name for name in ("pyspark", "pyspark-client") if _installed(name)]
    return Check(
        "pyspark",
        ok=present == ["pyspark"],
        found="installed: " + (" and ".join(present) or "neither"),
        remedy="rm -rf .venv, then make install",
    )


def metastore(settings: "Settings") -> Check:
    """One process at a time may have the metastore open; ours do not run any more, or not yet."""
    lock, found = settings.home / "metastore" / "db" / "dbex.lck", "free"
    if lock.exists():
        with lock.open("r+b") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                found = f"{lock.parent} is open in another process"
    remedy = f"end that process (fuser {lock} names it); query the engine over Thrift instead"
    return Check("metastore", ok=found == "free", found=found, remedy=remedy)


def ports(settings: "Settings", *, with_airflow: bool = True) -> list[Check]:
    """Every port must be free; only sensible while nothing of this installation runs."""
    names = ["connect_port", "thrift_port", "spark_ui_port"]
    if with_airflow:
        names.append("airflow_port")
    wanted = [(name, getattr(settings, name)) for name in names]
    if settings.cluster_workers:
        from countinghouse.services.cluster import master_port

        # The master's, and those of its workers after it.
        first = master_port(settings)
        wanted.append(("cluster_ui_port", settings.cluster_ui_port))
        wanted += [("spark_master", first + n) for n in range(settings.cluster_workers + 1)]
    found: list[Check] = []
    seen: dict[int, str] = {}
    for name, port in wanted:
        found.append(_port(name, port, seen.get(port)))
        seen.setdefault(port, name)
    return found


def _port(name: str, port: int, same_as: str | None) -> Check:
    label = f"port {port} ({name})"
    remedy = f"stop what uses it, or set COUNTINGHOUSE_{name.upper()} to another port"
    if same_as is not None:
        return Check(label, ok=False, found=f"{label} is {same_as} too", remedy=remedy)
    with socket.socket() as probe:
        # A port whose last connections are still closing can be used again.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            found = f"{label} cannot be used: {error.strerror}"
            return Check(label, ok=False, found=found, remedy=remedy)
    return Check(label, ok=True, found="free")


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    return Check(
        "python",
        ok=sys.version_info[:2] in _PYTHONS,
        found=found,
        remedy="install Python 3.11 or 3.12; make takes PYTHON=<program>",
    )


def _disk(home: Path) -> Check:
    folder = _nearest(home)
    free = shutil.disk_usage(folder).free
    return Check(
        "disk",
        ok=free >= _DISK,
        found=f"{free / _GIB:.1f} GiB free at {folder}, and {_DISK / _GIB:.0f} are needed",
        remedy="free some space, or set COUNTINGHOUSE_HOME to a folder on another disk",
    )


def _writable(home: Path) -> Check:
    folder = _nearest(home)
    ok = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    return Check(
        "home",
        ok=ok,
        found=f"{home} can {'' if ok else 'not '}be written",
        remedy="set COUNTINGHOUSE_HOME to a folder that you may write",
    )


def _nearest(path: Path) -> Path:
    """The path itself, or the first of its parents that exists."""
    return next(p for p in (path.resolve(), *path.resolve().parents) if p.exists())


def _installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _size(value: str) -> int:
    match = re.fullmatch(r"(\d+)([mg])b?", value.lower())
    if match is None:
        raise ValueError(f"{value!r} is not a size such as 3g or 900m")
    return int(match[1]) * _UNITS[match[2]]


def lines(found: Iterable[Check]) -> list[str]:
    """The checks as text, one line each and one more for a remedy."""
    text = []
    for check in found:
        text.append(f"{'ok    ' if check.ok else 'FAILED'}  {check.name:<28}{check.found}")
        if not check.ok:
            text.append(f"        what to do: {check.remedy}")
    return text


def main() -> None:
    """Check the machine before the installation; exits with 1 when something is missing."""
    found = machine(Path(__file__).parent)
    if not all(check.ok for check in found):
        sys.exit("\n".join(lines(found)))


if __name__ == "__main__":
    main()
