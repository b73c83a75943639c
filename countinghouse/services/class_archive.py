"""The engine's classes as an archive of the Java machine, which halves the engine's start.

The first engine lists the classes that it loads; when it has run for some minutes, the supervisor
lets Java write them down as it holds them in memory (`java -Xshare:dump`; Java 17 makes no archive
by itself). Java refuses an archive that does not fit its version or the jars, and reads the jars.
"""

import contextlib
import fcntl
import hashlib
import itertools
import logging
import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import psutil

from countinghouse import doctor
from countinghouse.services import processes
from countinghouse.services.child import Child
from countinghouse.settings import Settings

log = logging.getLogger(__name__)
_LIST = "-XX:DumpLoadedClassList="
_ARCHIVE = "-XX:SharedArchiveFile="


def folder(settings: Settings) -> Path:
    """Where the archive lies; installations may share it."""
    return settings.class_archives or settings.home.resolve() / "spark" / "classes"


def java_options(settings: Settings, class_path: Iterable[Path]) -> list[str]:
    """Read the classes from the archive; without one, list those that are loaded.

    An archive with which an engine has not become healthy is forgotten: Java dies of a broken one.
    """
    archive, trial = _archive(settings, class_path), _trial(settings)
    if trial.exists():
        archive.unlink(missing_ok=True)
        trial.unlink()
    if not archive.exists():
        return [f'"{_LIST}{_list(settings)}"']
    trial.touch()
    return [f'"{_ARCHIVE}{archive}"']


def _archive(settings: Settings, class_path: Iterable[Path]) -> Path:
    """One for each Java, set of jars and options; the size of the heap does not matter."""
    java = Path(doctor.java_program() or "java").resolve()
    known = [settings.java_options]
    for path in (java, *class_path):
        known += [str(path), str(path.stat().st_mtime_ns if path.exists() else "")]
    digest = hashlib.sha256("\n".join(known).encode()).hexdigest()[:16]
    return folder(settings) / f"engine-{digest}.jsa"


def _list(settings: Settings) -> Path:
    return settings.home.resolve() / "spark" / "classes.txt"


def _trial(settings: Settings) -> Path:
    """There while an engine that reads the archive has not been healthy yet."""
    return settings.home.resolve() / "spark" / "classes.trial"


class Archiver:
    """Makes the archive that is missing, behind everybody's queries."""

    def __init__(self, settings: Settings, class_path: Iterable[Path]) -> None:
        self._settings = settings
        self.archive = _archive(settings, class_path)
        self._failed = False
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def tick(self, engine: Child) -> None:
        """Look once: begin when the engine has run for long enough, and keep what was made."""
        if engine.healthy_seconds:
            _trial(self._settings).unlink(missing_ok=True)
        if self._process is not None:
            self._finish(self._process)
        elif (
            engine.process is not None
            and engine.healthy_seconds > self._settings.class_archive_seconds
            and not self._failed
            and not self.archive.exists()
        ):
            with contextlib.suppress(psutil.Error):
                self._begin(psutil.Process(engine.process.pid).cmdline())

    def stop(self) -> None:
        """End what is being made."""
        if self._process is not None:
            processes.end_group(self._process, patience=1)
            self._release()

    def _begin(self, engine: Sequence[str]) -> None:
        self.archive.parent.mkdir(parents=True, exist_ok=True)
        listed = _list(self._settings)
        if "-cp" not in engine or not listed.exists() or not self._locked():
            return
        # The engine goes on writing its list, and the next one begins another.
        lines = listed.read_text().rpartition("\n")[0]
        classes = listed.with_suffix(".archived")
        classes.write_text(lines)
        self._partial.unlink(missing_ok=True)
        own = (_LIST, _ARCHIVE, "-D")
        options = itertools.takewhile(lambda word: not word.startswith("org.apache"), engine[1:])
        kept = [word for word in options if not word.startswith(own)]
        files = [f"-XX:SharedClassListFile={classes}", f"{_ARCHIVE}{self._partial}"]
        start = processes.Start(
            command=["nice", engine[0], "-Xshare:dump", *files, *kept],
            environment=processes.environment(self._settings),
            folder=self._settings.run,
            log=self._settings.logs / "class_archive.log",
        )
        self._process = processes.spawn(self._settings, start)

    def _finish(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            return
        self._failed = process.returncode != 0 or not self._partial.exists()
        if not self._failed:
            os.sync()
            self._partial.replace(self.archive)
            self._forget_older()
            log.info("the next engine reads its classes from %s", self.archive)
        else:
            log.warning("java made no archive of classes; see class_archive.log")
        self._release()

    def _forget_older(self) -> None:
        """Of Java, jars or options that this installation had before."""
        if self._settings.class_archives is None:
            for other in set(self.archive.parent.glob("*.jsa")) - {self.archive}:
                other.unlink(missing_ok=True)

    @property
    def _partial(self) -> Path:
        return self.archive.with_suffix(".partial")

    def _locked(self) -> bool:
        """Installations may share the folder: one makes it, the others find it made."""
        self._lock = self.archive.with_suffix(".lock").open("w")
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        self._release()
        return False

    def _release(self) -> None:
        self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None
