"""What the macros of restated reports and of moving keys select, on DuckDB."""

from collections.abc import Iterator

import duckdb
import pytest
from duck import rendered

RUNS = "(select dt, restated_by from runs)"
RESTATED = rendered('{{ restated("landed") }}', RUNS)
MOVING = rendered('{{ moving("landed", 2) }}', RUNS)


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            "create table landed (id varchar, value integer, _business_date varchar, "
            "_delivery_sequence integer, dt varchar)"
        )
        connection.execute("create table runs (dt varchar, restated_by varchar)")
        yield connection


def fill(database: duckdb.DuckDBPyConnection, table: str, *rows: tuple[object, ...]) -> None:
    for row in rows:
        marks = ", ".join("?" for _ in row)
        database.execute(f"insert into {table} values ({marks})", row)


def test_a_day_is_as_the_delivery_says_that_states_it(database: duckdb.DuckDBPyConnection) -> None:
    fill(database, "runs", ("2026-03-01", "2026-03-02"), ("2026-03-02", "2026-03-03"))
    fill(
        database,
        "landed",
        ("a", 1, "2026-03-01", 0, "2026-03-01"),
        ("a", 2, "2026-03-01", 0, "2026-03-02"),
        ("a", 3, "2026-03-02", 0, "2026-03-02"),
        # The third states nothing of the second but b: what it does not repeat is withdrawn.
        ("b", 4, "2026-03-02", 0, "2026-03-03"),
        ("a", 5, "2026-03-03", 0, "2026-03-03"),
    )
    query = f"select id, value from {RESTATED} order by value"
    assert database.execute(query).fetchall() == [("a", 2), ("b", 4)]


def test_of_several_reports_of_one_day_the_last_one_counts(
    database: duckdb.DuckDBPyConnection,
) -> None:
    fill(database, "runs", ("2026-03-01", "2026-03-02"))
    fill(
        database,
        "landed",
        ("a", 1, "2026-03-01", 1, "2026-03-02"),
        ("b", 2, "2026-03-02", 2, "2026-03-02"),
    )
    query = f"select id from {RESTATED}"
    assert database.execute(query).fetchall() == []


def test_a_key_leaves_a_date_when_a_later_row_gives_it_another(
    database: duckdb.DuckDBPyConnection,
) -> None:
    fill(database, "runs", ("2026-03-01", None), ("2026-03-02", None))
    fill(
        database,
        "landed",
        ("moves", 1, "2026-03-01", 0, "2026-03-01"),
        ("moves", 1, "2026-03-02", 0, "2026-03-02"),
        ("stays", 2, "2026-03-01", 0, "2026-03-01"),
        # So far behind the first date that it reads no more of it.
        ("stays", 2, "2026-03-09", 0, "2026-03-09"),
    )
    query = f"""
        select id, _run_dt from (
            select *, row_number() over (partition by _run_dt, id order by dt desc) as row_rank
            from {MOVING}
        )
        where row_rank = 1 and _business_date = _run_dt
        order by id
    """
    assert database.execute(query).fetchall() == [("moves", "2026-03-02"), ("stays", "2026-03-01")]
