"""The content digest: one definition in SQL and in Python."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countinghouse.planning.model_graph import Column
from countinghouse.publishing.content_digest import (
    Money,
    NotDigestible,
    PartitionDigest,
    content_digest,
    digest_rows,
    partition_digests,
    row_digest,
    row_text,
)
from countinghouse.publishing.xxh64 import xxh64

COLUMNS = (
    Column("s", "string"),
    Column("n", "bigint"),
    Column("d", "decimal(18,3)"),
    Column("e", "decimal(38,10)"),
    Column("b", "boolean"),
    Column("day", "date"),
    Column("at", "timestamp"),
    Column("m", "map<string,string>"),
    Column("a", "array<string>"),
    Column("r", "struct<x:int,y:string>"),
)
text = st.text(st.characters(codec="utf-8"), max_size=6)
rows = st.fixed_dictionaries(
    {
        "s": st.none() | text,
        "n": st.none() | st.integers(-(2**63), 2**63 - 1),
        "d": st.none() | st.decimals(-(10**14), 10**14, places=3),
        "e": st.none() | st.decimals(-1, 1, places=10),
        "b": st.none() | st.booleans(),
        "day": st.none() | st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)),
        "at": st.none() | st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)),
        "m": st.none() | st.dictionaries(text, st.none() | text, max_size=3),
        "a": st.none() | st.lists(st.none() | text, max_size=3),
        "r": st.none() | st.fixed_dictionaries({"x": st.none() | st.integers(0, 9), "y": text}),
    }
)


def frame(session: Any, found: list[dict[str, Any]], columns: Any = COLUMNS) -> Any:
    schema = ", ".join(f"{c.name} {c.type}" for c in columns)
    values = [tuple(row[c.name] for c in columns) for row in found]
    return session.createDataFrame(values, schema)


@given(st.lists(rows, min_size=1, max_size=40))
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_engine_and_python_agree_on_every_row(session: Any, found: list[dict[str, Any]]) -> None:
    numbered = [row | {"i": n} for n, row in enumerate(found)]
    columns = (*COLUMNS, Column("i", "int"))
    hashed = frame(session, numbered, columns).selectExpr("i", f"{content_digest(COLUMNS)} as h")
    assert {row["i"]: row["h"] for row in hashed.collect()} == {
        row["i"]: row_digest(row, COLUMNS) for row in numbered
    }


@given(rows, rows)
@settings(max_examples=300, deadline=None)
def test_different_rows_have_different_texts(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (row_text(one, COLUMNS) == row_text(other, COLUMNS)) == (one == other)


def test_neighbouring_nulls_and_blanks_are_told_apart() -> None:
    pair = (Column("x", "string"), Column("y", "string"))
    values: list[tuple[str | None, str | None]] = [
        (None, "a"), ("a", None), ("", "a"), ("a", ""), ("a1:", ""), ("~;", None), (None, "~;")
    ]  # fmt: skip
    assert len({row_text({"x": x, "y": y}, pair) for x, y in values}) == len(values)


def test_floats_are_refused() -> None:
    with pytest.raises(NotDigestible, match="rate is double"):
        content_digest([Column("rate", "double")])
    with pytest.raises(NotDigestible, match="array"):
        content_digest([Column("rates", "array<float>")])


def test_hash_of_the_engine_for_every_length(session: Any) -> None:
    texts = ["x" * n for n in range(70)] + ["é" * n for n in range(40)]
    found = session.createDataFrame([(t,) for t in texts], "t string")
    assert {r["t"]: r["h"] for r in found.selectExpr("t", "xxhash64(t) as h").collect()} == {
        t: xxh64(t.encode()) for t in texts
    }


def test_partitions_have_rows_hashes_and_money_in_one_query(session: Any) -> None:
    columns = (Column("n", "bigint"), Column("amount", "decimal(18,3)"), Column("cur", "string"))
    everything = (*columns, Column("fee_minor", "bigint"), Column("dt", "string"))
    found = [
        {"n": 1, "amount": Decimal("1.5"), "cur": "EUR", "fee_minor": 7, "dt": "2026-01-01"},
        {"n": 2, "amount": Decimal("2"), "cur": "JPY", "fee_minor": 1, "dt": "2026-01-01"},
        {"n": 3, "amount": Decimal("1.234"), "cur": "KWD", "fee_minor": None, "dt": "2026-01-02"},
    ]
    money = (
        Money("amount", "decimal(18,3)", currency_column="cur"),
        Money("fee_minor", "bigint", currency="USD"),
    )
    digests = partition_digests(frame(session, found, everything), columns, money)
    assert digests["2026-01-01"].money == {"amount EUR": 150, "amount JPY": 2, "fee USD": 8}
    assert digests["2026-01-02"].money == {"amount KWD": 1234}
    for day, digest in digests.items():
        same = digest_rows([row for row in found if row["dt"] == day], columns)
        assert (digest.rows, digest.hash_sum) == (same.rows, same.hash_sum)


def test_digest_says_rows_hash_and_money() -> None:
    assert PartitionDigest(2, -5, {"b USD": 1, "a EUR": 2}).digest == "2:-5:a EUR=2,b USD=1"
