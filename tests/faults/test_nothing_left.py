"""After all faults: what they left behind is collected, to the last byte.

Runs behind the other files of `verify faults`; alone it makes garbage of its own first.
"""

import re
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from countinghouse import failpoints
from countinghouse.ledger.tables import pointers, versions
from countinghouse.publishing import gc
from countinghouse.publishing.version import DIRECTORY
from countinghouse.settings import Settings
from tests.faults.children import publisher
from tests.faults.world import Pair, publish

PAIRS = re.compile(r"marts\.f[0-9a-f]{10}_(daily|whole)")


def test_fault_1_fault_8_fault_24_nothing_is_left_of_killed_runs_after_a_collection(
    installation: Settings,
    ledger: sa.Engine,
    pair: Pair,
    record_property: Callable[[str, object], None],
) -> None:
    publish(installation, pair, 1)
    with publisher(pair, 2, run_id="killed", failpoint="after_manifest:kill9") as killed:
        killed.wait_until_killed()
    publish(installation, pair, 3)
    failpoints.hooks.clear()
    before = bytes_without_a_reader(installation, ledger)
    eager = installation.model_copy(update={"gc_grace_seconds": 0, "rollback_depth": 0})

    gc.collect(eager, dry_run=False)

    after = bytes_without_a_reader(installation, ledger)
    record_property("garbage", after)
    assert before > 0
    assert after == 0
    assert gc.collect(eager) == []


def bytes_without_a_reader(settings: Settings, ledger: sa.Engine) -> int:
    """Bytes below the versions of the tests' own tables that no pointer leads to."""
    query = sa.select(versions.c.location).join(
        pointers, pointers.c.version_id == versions.c.version_id
    )
    with ledger.connect() as connection:
        published = {settings.warehouse / place for place in connection.execute(query).scalars()}
    tables = [t for t in (settings.warehouse / DIRECTORY).glob("*/*") if PAIRS.fullmatch(t.name)]
    files = [file for table in tables for file in table.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files if not _of_any(file, published))


def _of_any(file: Path, folders: set[Path]) -> bool:
    return not folders.isdisjoint(file.parents)
