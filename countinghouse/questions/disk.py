"""How much of the disk an installation takes, by folder."""

import shutil
import subprocess
from dataclasses import dataclass

from countinghouse.settings import Settings

# Millions of files may lie there: what takes longer is not worth the wait.
_SECONDS = 2.0


@dataclass(frozen=True)
class Disk:
    """Bytes on disk by folder, None where they could not be measured in time; and what is free."""

    folders: dict[str, int | None]
    free: int


class DiskUsage:
    """A measurement that runs in a process of its own while others ask the ledger."""

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home
        self._folders = {
            "warehouse": settings.warehouse,
            "archive": settings.archive,
            "landing": settings.landing_root,
            "logs": settings.logs,
            "postgres": settings.home / "pgdata",
        }
        self._running = {
            name: subprocess.Popen(
                ["du", "-sk", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            for name, folder in self._folders.items()
            if folder.is_dir()
        }

    def result(self, *, seconds: float = _SECONDS) -> Disk:
        """The sizes; a folder that is not measured after so many seconds has none."""
        sizes: dict[str, int | None] = dict.fromkeys(self._folders, 0)
        for name, process in self._running.items():
            sizes[name] = _size(process, seconds)
        home = self._home if self._home.exists() else self._home.parent
        return Disk(sizes, shutil.disk_usage(home).free)


def _size(process: "subprocess.Popen[bytes]", seconds: float) -> int | None:
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    # Files come and go meanwhile, of which `du` complains; what it counted stands.
    return int(said.split()[0]) * 1024 if said else None
