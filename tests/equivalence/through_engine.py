"""A warehouse of the real parts: files, landing, engine, dbt, gates, ledger; builds are killed.

What it holds is compared with a second installation, which knows nothing but the archive.
"""

import csv
import multiprocessing
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from equivalence.equal import Contents
from equivalence.small_shop import Rows
from equivalence.steps import Build, Key
from installations import another

from countinghouse.contracts import Contract, load_contracts
from countinghouse.errors import CountinghouseError
from countinghouse.ledger import open_ledger, tables
from countinghouse.ledger.holds import Hold
from countinghouse.planning import staleness
from countinghouse.planning.planner import Partition
from countinghouse.publishing import catalog, rollback
from countinghouse.runs.build import build as build_models
from countinghouse.runs.ingest import accept, contracts_of
from countinghouse.runs.land import land
from countinghouse.settings import Settings

FEEDS = ("shop.orders", "shop.order_items", "shop.products")
SYSTEM, RUN = "shop", "equivalence"
# A build that is killed has its answer by then.
_SECONDS = 300
_processes = multiprocessing.get_context("spawn")


class ThroughEngine:
    """Steps on an installation of its own."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self.folder = settings, folder
        self.sent: dict[Key, list[Rows]] = {}

    def deliver(self, key: Key, rows: Rows) -> None:
        self.sent.setdefault(key, []).append(rows)
        feed, dt, seq = key
        contract = load_contracts(self.settings.project)[feed]
        place = self.settings.landing_root / contract.system / contract.name / f"dt={dt}"
        _write(place / f"seq={seq:02}" if seq else place, contract, rows)
        accept(self.settings, [SYSTEM])

    def delivered(self) -> Sequence[Key]:
        return sorted(self.sent)

    def versions(self, key: Key) -> Sequence[Rows]:
        return self.sent[key]

    def run(self, build: Build) -> None:
        if not build.killed:
            return _run(self.settings, build)
        child = _processes.Process(target=_run, args=(self.settings, build))
        child.start()
        child.join(_SECONDS)
        # One that found nothing to build has not come to the point at which it would die.
        assert child.exitcode in (0, -signal.SIGKILL), f"it ended with {child.exitcode}"

    def earlier(self) -> Sequence[Partition]:
        shown, before = tables.pointers.c, tables.publications.c
        same = sa.and_(before.table_name == shown.table_name, before.dt == shown.dt)
        query = sa.select(shown.table_name, shown.dt).join(tables.publications, same)
        query = query.where(
            before.version_id != shown.version_id,
            ~shown.table_name.startswith("raw."),
            ~shown.table_name.startswith("quarantine."),
        )
        return self._partitions(query)

    def held(self) -> Sequence[Partition]:
        holds = tables.holds.c
        return self._partitions(
            sa.select(holds.table_name, holds.dt).where(holds.released_at.is_(None))
        )

    def roll_back(self, partition: Partition) -> None:
        try:
            rollback.rollback(self.settings, *partition, hold=Hold("a schedule", RUN))
        except CountinghouseError as refused:
            if "an earlier version" not in str(refused):
                raise

    def release(self, partition: Partition) -> None:
        rollback.release(self.settings, *partition)

    def settled(self) -> Contents:
        for partition in self.held():
            self.release(partition)
        return _built(self.settings)

    def rebuilt(self) -> Contents:
        with another(self.folder / "clean") as clean:
            shutil.copytree(self.settings.archive, clean.archive, dirs_exist_ok=True)
            catalog.rebuild_ledger(clean)
            return _built(clean)

    def _partitions(self, query: sa.Select[tuple[str, str]]) -> list[Partition]:
        with open_ledger(self.settings).connect() as connection:
            return sorted({(table, dt) for table, dt in connection.execute(query)})


@contextmanager
def installed() -> Iterator[ThroughEngine]:
    """An installation that has never seen a delivery."""
    with (
        tempfile.TemporaryDirectory() as folder,
        another(Path(folder) / "scheduled", reconcile_seconds=3600) as settings,
    ):
        yield ThroughEngine(settings, Path(folder))


def _run(settings: Settings, build: Build) -> None:
    """Land, and build; dies where the build says so."""
    if build.killed:
        os.environ["COUNTINGHOUSE_FAILPOINT"] = f"{build.killed}:kill9"
    land(settings, contracts_of(settings, [SYSTEM]), run_id=RUN)
    dates = (build.first, build.last) if build.first else (None, None)
    build_models(settings, build.selection, *dates, run_id=RUN, force=build.forced)


def _built(settings: Settings) -> Contents:
    """Digests of everything published, once all is built; whatever a gate blocks is a failure."""
    landed = land(settings, contracts_of(settings, [SYSTEM]), run_id=RUN)
    report = build_models(settings, ["all"], run_id=RUN)
    assert not report.failed, report.summary()
    left = staleness.stale(settings)
    assert not left, f"still stale: {left[:5]}, after {landed.summary()}"
    shown, versions = tables.pointers.c, tables.versions.c
    query = sa.select(shown.table_name, shown.dt, versions.digest, versions.rows).join(
        tables.versions, versions.version_id == shown.version_id
    )
    with open_ledger(settings).connect() as connection:
        rows = connection.execute(query).all()
    return {(row.table_name, row.dt): ((row.digest,),) for row in rows if row.rows}


def _write(folder: Path, contract: Contract, rows: Rows) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "_DONE").unlink(missing_ok=True)
    with (folder / "rows.csv").open("w", newline="") as file:
        written = csv.writer(file, lineterminator="\n")
        written.writerow([column.header for column in contract.columns])
        written.writerows([["" if text is None else text for text in row] for row in rows])
    (folder / "_DONE").touch()
