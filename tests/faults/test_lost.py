"""Fault 104: a published directory vanishes, in whole or in part."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pyspark.errors import PySparkException

from countinghouse.errors import CountinghouseError
from countinghouse.ledger.state import load_state
from countinghouse.names import WHOLE
from countinghouse.publishing.reconcile import find_lost, reconcile
from countinghouse.settings import Settings
from tests.faults.world import DTS, Pair, publish, shown

pytestmark = pytest.mark.harmed
LOST = DTS[1]


def _truncate(folder: Path) -> None:
    file = next(folder.glob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-8])


DAMAGES: dict[str, Callable[[Path], None]] = {
    "directory": shutil.rmtree,
    "file": lambda folder: next(folder.glob("*.parquet")).unlink(),
    "end of a file": _truncate,
}


@pytest.mark.parametrize("what", DAMAGES)
def test_fault_104_what_vanished_is_alerted_and_read_by_nobody_until_it_is_built_again(
    installation: Settings,
    ledger: sa.Engine,
    pair: Pair,
    session: Any,
    alerts: Callable[[], list[dict[str, Any]]],
    what: str,
) -> None:
    damaged = {
        (v.table, v.dt): installation.warehouse / v.location
        for v in publish(installation, pair, 1)
        if v.dt in (LOST, WHOLE)
    }
    for folder in damaged.values():
        DAMAGES[what](folder)
    reconcile(installation)
    for table in (pair.daily, pair.whole):
        with pytest.raises(PySparkException, match="PARTITION_LOST"):
            session.sql(f"select sum(n) from {table}").collect()
        with pytest.raises(PySparkException, match="PARTITION_LOST"):
            session.sql(f"select count(*) from {table}").collect()
    rest = f"select count(*) from {pair.daily} where dt <> '{LOST}'"
    assert session.sql(rest).first()[0] == 62
    rule = "published directory equals manifest"
    told = {(a["table"], a["partition"]) for a in alerts() if a["rule"] == rule}
    assert damaged.keys() <= told
    with ledger.connect() as connection:
        published = load_state(connection).published
    assert sorted(published[pair.daily]) == sorted({*DTS} - {LOST})
    # Once is enough: the minute after, nobody is alerted again.
    count = len(alerts())
    reconcile(installation)
    assert len(alerts()) == count
    # The same content again is no confirmation of what is gone.
    assert {(v.table, v.dt) for v in publish(installation, pair, 1)} == damaged.keys()
    assert shown(session, pair) == dict.fromkeys((*DTS, WHOLE), 1)


def test_a_directory_that_comes_back_is_published_as_before(
    installation: Settings, pair: Pair, session: Any, tmp_path: Path
) -> None:
    versions = {v.dt: v for v in publish(installation, pair, 1)}
    folder = installation.warehouse / versions[LOST].location
    shutil.move(folder, tmp_path / "elsewhere")
    reconcile(installation)
    with pytest.raises(PySparkException, match="PARTITION_LOST"):
        session.sql(f"select sum(n) from {pair.daily}").collect()
    shutil.move(tmp_path / "elsewhere", folder)
    reconcile(installation)
    assert shown(session, pair) == dict.fromkeys((*DTS, WHOLE), 1)


def test_a_warehouse_that_is_not_mounted_loses_nothing(
    installation: Settings, ledger: sa.Engine, pair: Pair
) -> None:
    publish(installation, pair, 1)
    unmounted = installation.warehouse.with_name("unmounted")
    installation.warehouse.rename(unmounted)
    try:
        with pytest.raises(CountinghouseError, match="mount or restore"):
            find_lost(installation, ledger)
    finally:
        unmounted.rename(installation.warehouse)
    assert not [done for done in find_lost(installation, ledger) if pair.name in done]
