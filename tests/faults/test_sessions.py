"""Faults 35, 105 and 113: analysts' sessions that stay open, and what they may do in them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from countinghouse.engine_session import open_session
from countinghouse.errors import CountinghouseError
from countinghouse.names import WHOLE
from countinghouse.planning.model_graph import Column
from countinghouse.publishing.reconcile import reconcile
from countinghouse.settings import Settings
from tests.faults.beeline import Beeline, beeline
from tests.faults.world import DTS, Pair, publish, shown

ALL = {*DTS, WHOLE}
EXTRA = Column("extra", "bigint", "Added later.")


@pytest.fixture(scope="module")
def thrift(installation: Settings) -> Iterator[Beeline]:
    with beeline(installation) as opened:
        yield opened


@pytest.fixture(params=["thrift", "connect"])
def ask(
    request: pytest.FixtureRequest, thrift: Beeline, session: Any
) -> Callable[[str], list[list[str]]]:
    """Runs a statement in a session that is open all the time."""
    if request.param == "thrift":
        return thrift.run
    return lambda query: [[str(cell) for cell in row] for row in session.sql(query).collect()]


def test_fault_35_fault_105_open_sessions_see_a_swap_and_an_added_column_in_their_next_query(
    installation: Settings, pair: Pair, ask: Callable[[str], list[list[str]]]
) -> None:
    daily = f"select dt, count(*), max(n) from {pair.daily} group by dt order by dt"
    whole = f"select count(*), max(n) from {pair.whole}"
    publish(installation, pair, 1)
    assert ask(daily) == [[dt, "31", "1"] for dt in DTS]
    assert ask(whole) == [["31", "1"]]
    publish(installation, pair, 2)
    assert ask(daily) == [[dt, "32", "2"] for dt in DTS]
    assert ask(whole) == [["32", "2"]]
    some = [(pair.daily, DTS[0]), (pair.whole, WHOLE)]
    publish(installation, pair, 3, partitions=some, more=[EXTRA])
    added = (
        f"select dt, max(extra) is null, sum(extra) > 0 from {pair.daily} group by dt order by dt"
    )
    nulls = [[dt, "true", "NULL"] for dt in DTS[1:]]
    found = [[cell.replace("None", "NULL") for cell in row] for row in ask(added)]
    assert [[row[0], *(cell.lower() for cell in row[1:])] for row in found] == [
        [DTS[0], "false", "true"],
        *([dt, "true", "null"] for dt, *_ in nulls),
    ]
    assert ask(f"select max(extra) from {pair.whole}") == [["3"]]
    assert [row[0] for row in ask(f"describe {pair.whole}")][-1] == "extra"


def test_a_table_made_by_using_parquet_would_not_be_seen(
    installation: Settings, pair: Pair, session: Any
) -> None:
    """Negative control for 105: the same swap, on the other kind of table."""
    first, second = (
        next(installation.warehouse / v.location for v in publish(installation, pair, value))
        for value in (1, 2)
    )
    session.sql("create schema if not exists scratch")
    name = f"scratch.{pair.name}"
    session.sql(f"create table {name} (n bigint) using parquet location '{first}'")
    reader = open_session(installation, name="test")
    newest = f"select max(n) from {name}"
    assert reader.sql(newest).first()[0] == 1
    session.sql(f"alter table {name} set location '{second}'")
    assert session.sql(newest).first()[0] == 2
    assert reader.sql(newest).first()[0] == 1
    reader.stop()
    session.sql(f"drop table {name}")


VANDALISM = {
    "drops": (
        "drop table {daily}",
        "drop table {whole}",
    ),
    "moves": (
        "alter table {daily} drop partition (dt='2026-01-01')",
        "alter table {daily} partition (dt='2026-01-02') set location '{elsewhere}'",
        "alter table {daily} add partition (dt='2026-01-09')",
        "alter table {daily} add partition (dt='it\\'s mine')",
        "alter table {whole} set location '{elsewhere}'",
    ),
    "alters": (
        "alter table {daily} add columns (mine int)",
        "alter table {whole} rename to {whole}_mine",
    ),
    "replaces": (
        "drop table {whole}",
        "create view {whole} as select 1L as n, 1L as amount_minor",
        "alter table {daily} partition (dt='2026-01-03') rename to partition (dt='2026-02-03')",
    ),
}


IN_ITS_PLACE = {
    "nothing": (),
    "more columns": (
        "create external table {daily} (n bigint, amount_minor bigint, mine int) "
        "partitioned by (dt string) stored as parquet location '{elsewhere}'",
        "create external table {whole} (n string) stored as parquet location '{elsewhere}'",
    ),
    "managed": (
        "create table {daily} (n bigint, amount_minor bigint) partitioned by (dt string) "
        "stored as parquet",
        "alter table {daily} add partition (dt='2026-01-02') location '{published}'",
        "create table {whole} (n bigint, amount_minor bigint) using parquet",
    ),
    "views": (
        "create view {daily} as select 1L as n, 1L as amount_minor, '2026-01-01' as dt",
        "create view {whole} as select 1L as n, 1L as amount_minor",
    ),
    "other keys": (
        "create external table {daily} (n bigint, amount_minor bigint) "
        "partitioned by (dt string, hour string) stored as parquet location '{elsewhere}'",
        "create external table {whole} (n bigint, amount_minor bigint) "
        "partitioned by (dt string) stored as parquet location '{elsewhere}'",
    ),
    "a key of another type": (
        "create external table {daily} (n bigint, amount_minor bigint) "
        "partitioned by (dt date) stored as parquet location '{elsewhere}'",
    ),
}


@pytest.mark.harmed
@pytest.mark.parametrize("kind", IN_ITS_PLACE)
def test_a_publication_replaces_what_an_analyst_made_in_a_tables_place(
    installation: Settings, pair: Pair, session: Any, kind: str, tmp_path: Path
) -> None:
    versions = publish(installation, pair, 1)
    (second,) = (installation.warehouse / v.location for v in versions if v.dt == DTS[1])
    for statement in ("drop table {daily}", "drop table {whole}", *IN_ITS_PLACE[kind]):
        names = {"daily": pair.daily, "whole": pair.whole}
        session.sql(statement.format(published=second, elsewhere=tmp_path, **names))
    publish(installation, pair, 2, partitions=[(pair.daily, DTS[0]), (pair.whole, WHOLE)])
    expected = {DTS[0]: 2, DTS[1]: 1, DTS[2]: 1, WHOLE: 2}
    assert shown(session, pair) == expected
    assert not [line for line in reconcile(installation) if pair.name in line]
    assert shown(session, pair) == expected


def test_a_column_that_would_vanish_is_refused_before_it_is_decided(
    installation: Settings, pair: Pair, session: Any
) -> None:
    publish(installation, pair, 1, more=(EXTRA,))
    with pytest.raises(CountinghouseError, match=r"vanished \['extra'\]"):
        publish(installation, pair, 2)
    assert shown(session, pair) == dict.fromkeys(ALL, 1)
    publish(installation, pair, 3, more=(EXTRA,))
    assert shown(session, pair) == dict.fromkeys(ALL, 3)


@pytest.mark.harmed
@pytest.mark.parametrize("kind", VANDALISM)
def test_fault_113_what_an_analyst_drops_or_alters_is_restored_and_alerted(
    installation: Settings,
    pair: Pair,
    session: Any,
    thrift: Beeline,
    alerts: Callable[[], list[dict[str, Any]]],
    tmp_path: Path,
    kind: str,
) -> None:
    publish(installation, pair, 1)
    for statement in VANDALISM[kind]:
        thrift.run(statement.format(daily=pair.daily, whole=pair.whole, elsewhere=tmp_path))
    reconcile(installation)
    assert shown(session, pair) == dict.fromkeys(ALL, 1)
    assert session.table(pair.daily).columns == ["n", "amount_minor", "dt"]
    count = f"select count(*) from {pair.daily}"
    assert thrift.run(count) == [[str(31 * len(DTS))]]
    assert thrift.run(f"select count(*) from {pair.whole}") == [["31"]]
    told = {a["table"] for a in alerts() if a["rule"] == "metastore equals ledger"}
    assert told >= {pair.daily, pair.whole}
    assert not [done for done in reconcile(installation) if pair.name in done]
    publish(installation, pair, 2)
    assert shown(session, pair) == dict.fromkeys(ALL, 2)


@pytest.mark.harmed
def test_rows_that_an_analyst_inserts_are_not_kept(
    installation: Settings,
    pair: Pair,
    session: Any,
    thrift: Beeline,
    alerts: Callable[[], list[dict[str, Any]]],
) -> None:
    publish(installation, pair, 1)
    thrift.run(f"insert into {pair.whole} values (7, 7)")
    reconcile(installation)
    assert (pair.whole, WHOLE) in {(a["table"], a["partition"]) for a in alerts()}
    publish(installation, pair, 1)
    assert shown(session, pair) == dict.fromkeys(ALL, 1)
