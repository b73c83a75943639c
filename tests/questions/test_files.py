"""Where the published rows lie, and that DuckDB reads exactly them."""

import duckdb
import ledgers
import pytest
import sqlalchemy as sa

from countinghouse.errors import BadName, CountinghouseError
from countinghouse.questions.files import duckdb_relation, published_files
from countinghouse.settings import Settings

TABLE = "marts.rpt_read_elsewhere"
DAYS = ["2026-03-02", "2026-03-03", "2026-03-04"]


def publish(settings: Settings, ledger: sa.Engine, day: str, select: str) -> None:
    """A partition with one file, as dbt writes it: without `dt`. An empty select: no file."""
    ledgers.published(ledger, TABLE, day, files=int(bool(select)))
    location = ledgers.version(TABLE, day)["location"]
    folder = settings.warehouse / location
    folder.mkdir(parents=True, exist_ok=True)
    if select:
        duckdb.sql(f"COPY ({select}) TO '{folder}/part-0.parquet'")


def test_the_rows_of_the_asked_dates_are_read_and_no_others(
    asked: Settings, ledger: sa.Engine
) -> None:
    for n, day in enumerate(DAYS):
        publish(asked, ledger, day, f"SELECT {n} AS n")
    left_behind = asked.warehouse / "versions" / "b" / TABLE / f"dt={DAYS[0]}"
    left_behind.mkdir(parents=True)
    duckdb.sql(f"COPY (SELECT 99 AS n) TO '{left_behind}/part-0.parquet'")

    found = published_files(asked, TABLE, DAYS[0], DAYS[1])

    assert [one.dt for one in found] == DAYS[:2]
    read = duckdb.sql(f"SELECT n, dt FROM {duckdb_relation(found)} ORDER BY n").fetchall()
    assert read == [(0, DAYS[0]), (1, DAYS[1])]
    assert [one.dt for one in published_files(asked, TABLE)] == DAYS


def test_a_newer_column_is_null_where_it_is_not_yet(asked: Settings, ledger: sa.Engine) -> None:
    publish(asked, ledger, DAYS[0], "SELECT 1 AS n")
    publish(asked, ledger, DAYS[1], "SELECT 2 AS n, 'x' AS added")

    relation = duckdb_relation(published_files(asked, TABLE))

    read = duckdb.sql(f"SELECT n, added FROM {relation} ORDER BY n").fetchall()
    assert read == [(1, None), (2, "x")]


def test_an_empty_partition_is_named_and_not_read(asked: Settings, ledger: sa.Engine) -> None:
    publish(asked, ledger, DAYS[0], "")
    with pytest.raises(CountinghouseError, match="no rows and no files"):
        duckdb_relation(published_files(asked, TABLE))
    publish(asked, ledger, DAYS[1], "SELECT 1 AS n")

    found = published_files(asked, TABLE)

    assert [one.files for one in found] == [0, 1]
    assert duckdb.sql(f"SELECT dt FROM {duckdb_relation(found)}").fetchall() == [(DAYS[1],)]


def test_a_collected_version_is_not_offered(asked: Settings, ledger: sa.Engine) -> None:
    ledgers.published(ledger, TABLE, DAYS[0], collected_at="2026-03-05 12:00+00")

    with pytest.raises(CountinghouseError, match=r"nothing of marts\.rpt_read"):
        published_files(asked, TABLE)


@pytest.mark.parametrize(("table", "first"), [("nonsense", None), (TABLE, "2026-02-30")])
def test_what_is_no_table_or_no_date_is_refused(
    asked: Settings, ledger: sa.Engine, table: str, first: str | None
) -> None:
    with pytest.raises(BadName):
        published_files(asked, table, first)
