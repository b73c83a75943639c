"""Faults 2, 8, 10, 16 to 18 and 23: storage that is full, refuses, lies or forgets.

What was published stays until something whole can take its place.
"""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from countinghouse import failpoints
from countinghouse.ledger.tables import publications, versions
from countinghouse.names import WHOLE
from countinghouse.publishing import gc
from countinghouse.publishing.version import DIRECTORY, MANIFEST
from countinghouse.settings import Settings
from tests.faults.world import DTS, Pair, publish, shown

ALL = {*DTS, WHOLE}
HIT = DTS[0]


def newest_attempt(settings: Settings) -> Path:
    """The folder of the attempt that writes at the moment."""
    return max((settings.warehouse / DIRECTORY).iterdir(), key=lambda f: f.stat().st_mtime_ns)


def full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("point", ["mid_write", "after_manifest", "after_audit", "before_publish"])
def test_fault_8_a_full_disk_publishes_nothing_and_its_space_comes_back(
    installation: Settings, pair: Pair, session: Any, point: str
) -> None:
    publish(installation, pair, 1)
    left: list[Path] = []

    def fill() -> None:
        left.append(newest_attempt(installation))
        full()

    failpoints.hooks[point] = fill
    with pytest.raises(OSError, match="No space left"):
        publish(installation, pair, 2)
    assert shown(session, pair) == dict.fromkeys(ALL, 1)

    eager = installation.model_copy(update={"gc_grace_seconds": 0, "rollback_depth": 0})
    gc.collect(eager, dry_run=False)

    assert left
    assert not left[0].exists()
    publish(installation, pair, 3)
    assert shown(session, pair) == dict.fromkeys(ALL, 3)


def test_fault_8_the_manifest_that_does_not_fit_is_absent_and_not_half_there(
    installation: Settings, pair: Pair, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(installation, pair, 1)
    monkeypatch.setattr("countinghouse.publishing.version.json.dump", lambda *_, **__: full())
    with pytest.raises(OSError, match="No space left"):
        publish(installation, pair, 2)
    monkeypatch.undo()
    assert not list(newest_attempt(installation).rglob(MANIFEST))
    assert shown(session, pair) == dict.fromkeys(ALL, 1)


@pytest.mark.harmed
def test_fault_10_a_place_that_cannot_be_written_is_an_error_before_anything_changes(
    installation: Settings, pair: Pair, session: Any
) -> None:
    publish(installation, pair, 1)
    folder = installation.warehouse / DIRECTORY
    aside = folder.with_name("aside")

    def refuse() -> None:
        # Whoever is root may write everywhere, but not below a file.
        folder.rename(aside)
        folder.touch()

    failpoints.hooks["after_claim"] = refuse
    try:
        with pytest.raises(OSError, match="Not a directory"):
            publish(installation, pair, 2)
    finally:
        folder.unlink()
        aside.rename(folder)
    assert shown(session, pair) == dict.fromkeys(ALL, 1)
    publish(installation, pair, 3)
    assert shown(session, pair) == dict.fromkeys(ALL, 3)


def _zeros(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def _no_footer(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-4] + b"PARE")


# 16 and 23: what a crash of the machine, or of storage, makes of a file after it was described.
DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": lambda file: file.write_bytes(file.read_bytes()[:-8]),
    "empty": lambda file: file.write_bytes(b""),
    "lost": Path.unlink,
    "zeros": _zeros,
    "no footer": _no_footer,
    "twice": lambda file: shutil.copy(file, file.with_name("part-again.parquet")),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_fault_16_fault_23_a_damaged_file_keeps_its_partition_from_being_published(
    installation: Settings, pair: Pair, session: Any, what: str
) -> None:
    publish(installation, pair, 1)

    def damage() -> None:
        place = newest_attempt(installation) / pair.daily / f"dt={HIT}"
        DAMAGES[what](next(place.glob("*.parquet")))

    failpoints.hooks["after_manifest"] = damage
    publish(installation, pair, 2)
    assert shown(session, pair) == dict.fromkeys(ALL, 2) | {HIT: 1}
    publish(installation, pair, 3)
    assert shown(session, pair) == dict.fromkeys(ALL, 3)


def test_fault_17_what_a_killed_job_left_behind_is_in_no_version(
    installation: Settings, pair: Pair, session: Any
) -> None:
    def leave() -> None:
        place = newest_attempt(installation) / pair.daily / f"dt={HIT}"
        part = next(place.glob("*.parquet"))
        leftover = place / "_temporary" / "0" / "task_0"
        leftover.mkdir(parents=True)
        shutil.copy(part, leftover / part.name)

    failpoints.hooks["after_manifest"] = leave
    first = publish(installation, pair, 1)
    assert shown(session, pair) == dict.fromkeys(ALL, 1)
    second = publish(installation, pair, 2)
    # Nobody writes where somebody else has written.
    assert {v.attempt_id for v in first}.isdisjoint(v.attempt_id for v in second)
    assert {v.location for v in first}.isdisjoint(v.location for v in second)


def test_fault_18_a_directory_without_manifest_cannot_be_published(
    installation: Settings, ledger: sa.Engine, pair: Pair, session: Any
) -> None:
    publish(installation, pair, 1)
    failpoints.hooks["mid_write"] = full
    with pytest.raises(OSError, match="No space left"):
        publish(installation, pair, 2)
    written = newest_attempt(installation)
    assert list(written.rglob("*.parquet"))
    assert not list(written.rglob(MANIFEST))
    with ledger.connect() as connection:
        known = sa.select(versions.c.version_id).where(versions.c.attempt_id == written.name)
        assert connection.execute(known).all() == []
        told = sa.select(sa.func.count()).select_from(publications)
        mine = told.where(publications.c.table_name.in_([pair.daily, pair.whole]))
        assert connection.execute(mine).scalar_one() == len(pair.partitions)
    assert shown(session, pair) == dict.fromkeys(ALL, 1)
