"""What operators ask: why is it stale, where is it from, what was published, what differs."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from countinghouse.errors import CountinghouseError
from countinghouse.ledger import tables
from countinghouse.ledger.holds import Hold
from countinghouse.ledger.state import load_state
from countinghouse.planning import planner, staleness
from countinghouse.planning.model_graph import Edge, Graph, Model, Reads, Shape
from countinghouse.planning.planner import Input
from countinghouse.publishing.rollback import rollback
from countinghouse.questions import history, lineage, queries
from tests.harness import digest_of, publish_numbers

DAY, NEXT, LATER = "2026-01-01", "2026-01-02", "2026-01-03"


def daily(name: str, *edges: Edge, code: str = "numbers") -> Model:
    return Model(name, "test", Shape.DAILY, edges, code)


FEED = "raw.ask__orders"
ORDERS = daily("staging.ask_orders", Edge(FEED, Reads.SLICES))
SALES = daily("marts.ask_sales", Edge(ORDERS.name, Reads.SAME))
WEEK = daily("marts.ask_week", Edge(SALES.name, Reads.WINDOW, days=6))
GRAPH = Graph((ORDERS, SALES, WEEK))


@pytest.fixture
def asked(installation: Any, world: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The installation, whose project consists of the models above."""
    for module in (staleness, lineage):
        monkeypatch.setattr(module, "load_graph", lambda settings: GRAPH)
    monkeypatch.setattr(staleness, "load_contracts", lambda project: {})
    return installation


def build(settings: Any, ledger: sa.Engine, model: Model, dt: str, numbers: list[int]) -> None:
    with ledger.connect() as connection:
        inputs = planner.resolve(model, dt, load_state(connection), GRAPH)
    publish_numbers(settings, model.name, {dt: numbers}, inputs=inputs, run_id=f"run of {dt}")


def deliver(
    settings: Any, ledger: sa.Engine, dt: str, numbers: list[int], *, version: int = 1
) -> None:
    with ledger.begin() as connection:
        connection.execute(
            tables.deliveries.insert().values(
                feed="ask.orders", dt=dt, seq=0, version=version, digest=f"sha {numbers}",
                files=[{"name": f"orders-{dt}.csv", "sha256": "abc", "bytes": 1}],
                status="accepted",
            )
        )  # fmt: skip
    dates = {dt: {"rows": len(numbers), "digest": digest_of(numbers), "money": {}}}
    read = [Input(FEED, dt, "delivery 0", f"sha {numbers}")]
    publish_numbers(settings, FEED, {dt: numbers}, inputs=read, slices={dt: {"dates": dates}})


@pytest.fixture(scope="module")
def world(installation: Any, ledger: sa.Engine) -> None:
    """Three days, delivered and built."""
    for n, dt in enumerate((DAY, NEXT, LATER), start=1):
        deliver(installation, ledger, dt, [n])
        build(installation, ledger, ORDERS, dt, [n])
        build(installation, ledger, SALES, dt, [n])
    for dt in (DAY, NEXT, LATER):
        build(installation, ledger, WEEK, dt, [1])


def test_nothing_is_stale_when_everything_is_as_it_was_read(asked: Any) -> None:
    assert staleness.stale(asked) == []


def test_the_input_that_changed_is_named(asked: Any, ledger: sa.Engine) -> None:
    build(asked, ledger, ORDERS, NEXT, [2, 2])
    try:
        (found,) = staleness.stale(asked, ["marts.ask_sales"])
    finally:
        build(asked, ledger, ORDERS, NEXT, [2])

    assert (found.table, found.dt, found.reasons) == (SALES.name, NEXT, ("inputs changed",))
    (why,) = found.why
    assert (why.table, why.dt, why.what) == (ORDERS.name, NEXT, "changed")
    assert (why.before, why.now) == (digest_of([2]), digest_of([2, 2]))


def test_changed_code_is_told_apart_from_changed_inputs(
    asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = daily(SALES.name, *SALES.edges, code="other numbers")
    graph = Graph((ORDERS, changed, WEEK))
    monkeypatch.setattr(staleness, "load_graph", lambda settings: graph)

    found = staleness.stale(asked, ["marts.ask_sales"])

    assert [(one.dt, one.reasons) for one in found] == [
        (dt, ("code changed",)) for dt in (DAY, NEXT, LATER)
    ]
    assert {one.why[0].role for one in found} == {"code"}


def test_a_stale_parent_is_listed_with_the_selection(asked: Any, ledger: sa.Engine) -> None:
    deliver(asked, ledger, DAY, [7], version=2)
    try:
        found = staleness.stale(asked, ["marts.ask_week"])
    finally:
        deliver(asked, ledger, DAY, [1], version=3)

    assert [(one.table, one.dt) for one in found] == [(ORDERS.name, DAY)]


def test_a_word_that_names_nothing_is_refused(asked: Any) -> None:
    with pytest.raises(CountinghouseError, match="names no model"):
        staleness.stale(asked, ["marts.nonsense"])


def test_upstream_leads_to_the_delivered_files(asked: Any) -> None:
    found = lineage.lineage(asked, WEEK.name, NEXT)

    assert [(link.depth, link.table, link.dt) for link in found.upstream] == [
        (1, SALES.name, DAY),
        (1, SALES.name, NEXT),
        (2, ORDERS.name, DAY),
        (2, ORDERS.name, NEXT),
        (3, FEED, DAY),
        (3, FEED, NEXT),
    ]
    assert {file.name for file in found.files} == {f"orders-{DAY}.csv", f"orders-{NEXT}.csv"}
    positions = [file.position for file in found.files]
    assert positions == sorted(positions)


def test_downstream_is_every_window_that_contains_the_date(asked: Any) -> None:
    found = lineage.lineage(asked, SALES.name, NEXT)

    assert [link.dt for link in found.downstream] == [NEXT, LATER]


def test_an_unknown_partition_is_refused(asked: Any) -> None:
    with pytest.raises(CountinghouseError, match="is not published"):
        lineage.lineage(asked, SALES.name, "2031-01-01")


def test_publications_are_told_newest_first_with_run_rows_and_money(installation: Any) -> None:
    table = "marts.ask_history"
    for n in (1, 2):
        publish_numbers(installation, table, {DAY: [n] * n}, run_id=f"run {n}")

    found = history.history(installation, table, DAY)

    assert [(p.run_id, p.rows, p.money, p.state) for p in found] == [
        ("run 2", 2, {"amount USD": 4}, "published"),
        ("run 1", 1, {"amount USD": 1}, "kept"),
    ]


def test_a_hold_says_why(installation: Any) -> None:
    table = "marts.ask_hold"
    for n in (1, 2):
        publish_numbers(installation, table, {DAY: [n]})
    rollback(installation, table, DAY, hold=Hold("wrong rates", "finance"))

    newest = history.history(installation, table, DAY)[0]

    assert (newest.kind, newest.state) == ("rollback", "held")
    assert newest.reason == "wrong rates (finance)"


def test_what_was_never_published_has_none(installation: Any) -> None:
    with pytest.raises(CountinghouseError, match="never published"):
        history.history(installation, "marts.ask_nothing", DAY)


def test_rows_money_and_differing_rows(installation: Any) -> None:
    table = "marts.ask_diff"
    a, b = (
        publish_numbers(installation, table, {DAY: numbers})[0].version_id
        for numbers in ([1, 2, 2, 3], [1, 2, 4, 5, 6])
    )

    found = history.diff(installation, table, DAY, a, b, sample=2)

    assert found.rows == (4, 5)
    assert found.money == {"amount USD": (8, 18)}
    # One of the two equal rows is gone: rows are counted, not looked up.
    assert (found.only_in_a, found.only_in_b) == (2, 3)
    assert found.sample_a == ((2, 2), (3, 3))
    assert found.sample_b == ((4, 4), (5, 5))


def test_an_empty_version_differs_by_every_row(installation: Any) -> None:
    table = "marts.ask_diff_empty"
    a, b = (
        publish_numbers(installation, table, {DAY: numbers})[0].attempt_id for numbers in ([], [1])
    )

    found = history.diff(installation, table, DAY, a, b)

    assert (found.rows, found.only_in_a, found.only_in_b) == ((0, 1), 0, 1)


@pytest.fixture
def readable(installation: Any) -> Any:
    """The installation, with a table to read."""
    publish_numbers(installation, "marts.ask_sql", {DAY: [3, 1, 2]})
    return installation


def test_rows_come_in_the_order_of_the_query_up_to_the_limit(readable: Any) -> None:
    query = "select n from marts.ask_sql order by n desc -- newest\n;"

    found = queries.sql(readable, query, limit=2)

    assert (found.columns, found.rows, found.more) == (["n"], [(3,), (2,)], True)


def test_the_catalog_can_be_asked(readable: Any) -> None:
    found = queries.sql(readable, "SHOW PARTITIONS marts.ask_sql")

    assert found.rows == [(f"dt={DAY}",)]


@pytest.mark.parametrize(
    "statement",
    [
        "drop table marts.ask_sql",
        "insert into marts.ask_sql values (1, 1, '2026-01-01')",
        "with x as (select 1) insert into marts.ask_sql select 1, 1, '2026-01-01' from x",
        "select 1) ; drop table marts.ask_sql --",
        "alter table marts.ask_sql add columns (x int)",
        "set spark.sql.ansi.enabled=false",
        "select 1; select 2",
        "create view marts.ask_sql_view as select 1",
        "from marts.ask_sql insert into marts.ask_sql select *",
        "describe marts.ask_sql; drop table marts.ask_sql",
        "show tables in marts'; drop table marts.ask_sql",
        "explain drop table marts.ask_sql; drop table marts.ask_sql",
        "/**/ drop table marts.ask_sql",
        "cache table marts.ask_sql",
        "truncate table marts.ask_sql",
        "call system.x()",
        "begin drop table marts.ask_sql; end",
        "execute immediate 'drop table marts.ask_sql'",
        "",
    ],
)
def test_fault_92_nothing_can_be_written(readable: Any, statement: str) -> None:
    with pytest.raises(CountinghouseError):
        queries.sql(readable, statement)

    assert len(queries.sql(readable, "select * from marts.ask_sql").rows) == 3


MANY = ", ".join(f"n as n{i}" for i in range(60))


@pytest.mark.parametrize(
    "query",
    [
        "select transform(n) using 'touch {}' as (x) from marts.ask_sql",
        "from marts.ask_sql map n using 'touch {}' as (x)",
        "select * from (select transform(n) using 'touch {}' as (x) from marts.ask_sql) limit 0",
        "select reflect('java.lang.System', 'setProperty', 'canary', '{}')",
        f"select {MANY}, java_method('java.lang.System', 'setProperty', 'canary', '{{}}') "
        "from marts.ask_sql",
        "select try_reflect('java.lang.System', 'setProperty', 'canary', '{}')",
        "with x as (select transform(1) using 'touch {}' as (y)) select * from x",
    ],
)
def test_fault_92_a_query_starts_no_program_and_calls_nothing(
    readable: Any, session: Any, tmp_path: Path, query: str
) -> None:
    with pytest.raises(CountinghouseError, match="a query only reads"):
        queries.sql(readable, query.format(tmp_path / "canary"))

    assert not (tmp_path / "canary").exists()
    asked = "select reflect('java.lang.System', 'getProperty', 'canary')"
    assert session.sql(asked).collect()[0][0] == "null"


def test_fault_92_a_query_reads_tables_and_no_files(readable: Any) -> None:
    token = readable.home / "secrets" / "connect_token"
    for place in (token, "/etc/passwd"):
        with pytest.raises(CountinghouseError, match="NOT_FOUND"):
            queries.sql(readable, f"select * from text.`{place}`")
