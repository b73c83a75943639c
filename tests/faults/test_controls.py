"""Negative controls: what others do loses rows or tears reads, and the same harness says so.

Without them a harness that sees nothing would look like a warehouse that loses nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from countinghouse import engine_session
from countinghouse.settings import Settings
from tests.faults.children import publisher
from tests.faults.readers import Reader, Readers
from tests.faults.world import DTS, Pair, publish, rows_of, shown

pytestmark = pytest.mark.harmed
# Versions that take each other's place; a row is slow, so that a reader meets each of them.
_ROUNDS = range(2, 5)
_SLOW = "coalesce(reflect('java.lang.Thread', 'sleep', 20L), 'null') = 'null'"
Record = Callable[[str, object], None]


@dataclass(frozen=True)
class InPlace(Pair):
    """Tables of the same rows that nobody publishes: they are written where they are read."""

    @property
    def daily(self) -> str:
        return f"scratch.{self.name}_daily"

    @property
    def whole(self) -> str:
        return f"scratch.{self.name}_whole"

    def make(self, session: Any) -> None:
        session.sql("create schema if not exists scratch")
        session.sql(f"create table {self.whole} stored as parquet as {self.rows(1)}")
        session.sql(f"create table {self.daily} (n bigint, amount_minor bigint) "
                    "partitioned by (dt string) stored as parquet")  # fmt: skip
        for dt in DTS:
            session.sql(f"insert into {self.daily} partition (dt='{dt}') {self.rows(1)}")

    def rows(self, value: int) -> str:
        """A query for the rows of a version."""
        count = len(rows_of(value))
        numbers = f"select {value}L as n, {value}L as amount_minor from range(0, {count}, 1, 1)"
        return numbers if value == 1 else f"{numbers} where {_SLOW}"


@pytest.fixture
def in_place(session: Any) -> InPlace:
    made = InPlace()
    made.make(session)
    return made


@pytest.fixture
def found(record_property: Record) -> Callable[[str, int, str], None]:
    """Tells the report what a control has found; fails if that is nothing."""

    def tell(what: str, count: int, told: str) -> None:
        # What readers saw here is not what the warehouse did.
        Reader.ended.clear()
        record_property("control", f"{what}: {told}")
        assert count, f"{what} did no harm: the harness is blind"

    return tell


def test_control_insert_overwrite_in_place(
    installation: Settings, session: Any, in_place: InPlace, found: Callable[..., None]
) -> None:
    with Readers(installation, in_place, begun=1, done=1) as readers:
        readers.wait_for(1)
        for value in _ROUNDS:
            readers.began(value)
            for dt in DTS:
                session.sql(
                    f"insert overwrite {in_place.daily} partition (dt='{dt}') "
                    + in_place.rows(value)
                )
            session.sql(f"insert overwrite {in_place.whole} {in_place.rows(value)}")
            readers.ended(value)
    reads = sum(reader.reads for reader in readers.all)
    told = f"{len(readers.torn)} torn reads and {len(readers.errors)} errors beside {reads} reads"
    found("INSERT OVERWRITE in place", len(readers.torn), told)


def test_control_dbt_table_in_place(
    installation: Settings, session: Any, in_place: InPlace, found: Callable[..., None]
) -> None:
    """dbt's `table` is DROP and CREATE TABLE AS: what ends between them leaves nothing."""
    with Readers(installation, in_place, begun=1, done=1) as readers:
        readers.wait_for(1)
        for value in _ROUNDS:
            readers.began(value)
            session.sql(f"drop table if exists {in_place.whole}")
            session.sql(
                f"create table {in_place.whole} stored as parquet as {in_place.rows(value)}"
            )
            readers.ended(value)
    before = session.table(in_place.whole).count()
    session.sql(f"drop table {in_place.whole}")
    lost = before * (not session.catalog.tableExists(in_place.whole))
    told = f"{len(readers.errors)} reads found no table, {lost} of {before} rows gone with the DROP"
    found("dbt's table in place", min(len(readers.errors), lost), told)


def test_control_publication_without_fencing(
    installation: Settings,
    pair: Pair,
    session: Any,
    monkeypatch: pytest.MonkeyPatch,
    found: Callable[..., None],
) -> None:
    monkeypatch.setattr(engine_session, "fence", lambda *_, **__: None)
    publish(installation, pair, 1)
    point = "in_publish_before_pointer:stop"
    with publisher(pair, 2, run_id="frozen", failpoint=point) as predecessor:
        predecessor.wait_until_frozen()
        publish(installation, pair, 3, run_id="successor")
        predecessor.wake()
    undone = sorted(dt for dt, value in shown(session, pair).items() if value != 3)
    told = f"{len(undone)} of {len(pair.partitions)} partitions are back at an older version"
    found("publication without fencing", len(undone), told)
