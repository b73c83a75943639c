"""JSON lines, JSON documents and Parquet: where the records are, and what their columns are."""

import datetime as dt
import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from inferred import Inferred

from countinghouse.inference.origins import NotInferred

Infer = Callable[..., Inferred]


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def test_lines_of_objects_are_json_lines(inferred: Infer) -> None:
    found = inferred(lines({"id": 1, "at": "2026-01-02T10:00:00Z"}, {"id": 2, "at": None}))
    assert found.contract.format.type == "json_lines"
    assert found.types == {"id": "bigint", "at": "timestamp"}
    assert found.rows() == [("1", "2026-01-02T10:00:00Z"), ("2", None)]


def test_objects_are_spread_over_columns_and_lists_are_kept(inferred: Infer) -> None:
    record = {"id": 1, "card": {"brand": "visa", "owner/no": 7}, "items": [{"sku": "a"}]}
    found = inferred(lines(record, {**record, "id": 2}))
    assert {c.name: (c.header, c.nested) for c in found.contract.columns} == {
        "id": ("id", False),
        "card_brand": ("/card/brand", False),
        "card_owner_no": ("/card/owner~1no", False),
        "items": ("items", True),
    }
    assert found.rows()[0][:3] == ("1", "visa", "7")


def test_an_object_that_is_sometimes_a_text_is_kept(inferred: Infer) -> None:
    found = inferred(lines({"id": 1, "customer": {"name": "a"}}, {"id": 2, "customer": "cus_2"}))
    assert found.contract.column("customer").nested


def test_an_object_with_ever_new_names_is_kept(inferred: Infer) -> None:
    found = inferred(lines(*({"id": n, "by_day": {f"day {n}": n}} for n in range(500))))
    assert {c.name: c.nested for c in found.contract.columns} == {"id": False, "by_day": True}


def test_digits_in_quotes_are_a_code_and_fractions_an_amount(inferred: Infer) -> None:
    found = inferred(lines({"id": "12", "amount": "12.50"}, {"id": "13", "amount": "7.00"}))
    assert found.types == {"id": "string", "amount": "decimal(18,2)"}


def test_numbers_are_exact(inferred: Infer) -> None:
    found = inferred('{"id": 9007199254740993, "rate": 1.10}\n{"id": 2, "rate": 1e-05}\n')
    assert found.types == {"id": "bigint", "rate": "decimal(18,6)"}
    assert found.rows()[0] == ("9007199254740993", "1.10")


def test_a_name_that_comes_last_is_a_column(inferred: Infer) -> None:
    records = [{"id": n} for n in range(20_000)]
    found = inferred(lines(*records, {"id": 20_000, "note": "x"}))
    assert found.contract.column("note").nullable


def test_the_list_that_holds_most_is_the_records(inferred: Infer) -> None:
    document = {"meta": {"pages": [{"n": 1}, {"n": 2}]}, "data": {"rows": [
        {"id": n, "city": "Bonn"} for n in range(9)
    ]}}  # fmt: skip
    found = inferred(json.dumps(document, indent=1), name="page.json")
    assert (found.contract.format.type, found.contract.format.records) == ("json", "/data/rows")
    assert len(found.rows()) == 9


def test_a_list_is_a_document(inferred: Infer) -> None:
    found = inferred(json.dumps([{"id": 1}, {"id": 2}]), name="page.json")
    assert (found.contract.format.type, found.contract.format.records) == ("json", "")
    assert found.rows() == [("1",), ("2",)]


def test_an_only_object_is_one_record(inferred: Infer) -> None:
    inner = {"id": 1, "lines": [{"n": 1}], "note": "a long text of the only record there is"}
    found = inferred(json.dumps({"order": inner}, indent=1), name="order.json")
    assert (found.contract.format.records, len(found.rows())) == ("/order", 1)


def test_a_csv_that_begins_with_a_bracket_is_csv(inferred: Infer) -> None:
    assert inferred("[id],city\n1,Bonn\n2,Rome\n").contract.format.type == "csv"


def test_parquet_has_its_types(inferred: Infer) -> None:
    table = pa.table(
        {
            "order_id": [1, 2],
            "Amount": [Decimal("1.50"), Decimal("12.25")],
            "sold_at": pa.array([dt.datetime(2026, 1, 2, 10), None], pa.timestamp("us", "UTC")),
            "day": [dt.date(2026, 1, 2), dt.date(2026, 1, 3)],
            "code": ["001", "17"],
            "ok": [True, False],
            "items": [[1, 2], [3]],
        }
    )
    stream = io.BytesIO()
    pq.write_table(table, stream)
    found = inferred(stream.getvalue(), name="orders.parquet")
    assert found.types == {
        "order_id": "bigint",
        "amount": "decimal(18,2)",
        "sold_at": "timestamp",
        "day": "date",
        "code": "string",
        "ok": "boolean",
        "items": "string",
    }
    assert found.contract.column("items").nested
    assert (found.check().rows, found.check().bad_rows) == (2, 0)
    with pytest.raises(NotInferred, match="no whole Parquet file"):
        inferred(stream.getvalue()[:-100], name="orders.parquet")


@pytest.mark.parametrize(
    ("name", "text"), [("a.json", "{}"), ("a.json", "[[1]]"), ("a.jsonl", "{}\n{}\n")]
)
def test_records_without_columns_are_no_table(inferred: Infer, name: str, text: str) -> None:
    with pytest.raises(NotInferred, match=r"no columns|no table"):
        inferred(text, name=name)
