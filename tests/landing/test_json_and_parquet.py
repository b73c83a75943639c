"""JSON lines and Parquet through the engine: malformed, renamed and drifting records."""

import io
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feeds import COLUMNS, Landed, Landing, contract_of

from countinghouse.contracts import Contract
from countinghouse.engine_session import open_session
from countinghouse.landing.formats.json_files import NESTED, NO_OBJECT, NOT_JSON

AT = "2026-03-10 09:00:00"
RECORD = {"id": "a", "line": 1, "amount": 5.25, "currency": "EUR", "sold_at": AT, "note": "n"}
# Beyond what a double tells apart.
ODD = 2**53 + 1
(
    PLAIN,
    MALFORMED,
    RENAMED,
    OTHER_CASE,
    DRIFTED,
    NO_NUMBERS,
    LARGE,
    WORDS,
    MORE,
) = [f"2026-03-{n}" for n in range(10, 19)]
WORD_LIST = ["None", "NULL", "null", "N/A", "it's", "'; drop table x; --", "\\N", None]


def written(**changes: str) -> str:
    """A record as a line, with some of its values as raw JSON."""
    values = {name: json.dumps(value) for name, value in RECORD.items()} | changes
    return "{" + ", ".join(f'"{name}": {value}' for name, value in values.items()) + "}"


def lines_of(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def numbered(*lines: Mapping[str, str]) -> str:
    return lines_of(*(written(line=str(n), **changes) for n, changes in enumerate(lines, 1)))


BROKEN = ['{"id": "a", "line": 2', "not JSON", "[1]", '{"id": "b"}}']
JSON = {
    PLAIN: numbered({}),
    MALFORMED: lines_of(written(), *BROKEN),
    RENAMED: numbered({}).replace('"amount"', '"amounts"'),
    OTHER_CASE: numbered({}, {}).replace('"currency"', '"Currency"'),
    DRIFTED: numbered({"amount": '"7.50"'}, {"amount": '{"value": 1}'}, {"amount": '"seven"'}),
    NO_NUMBERS: numbered(
        {"amount": "NaN"},
        {"amount": "-Infinity"},
        {"amount": "1e308"},
        {"amount": "-0.0"},
        {"amount": '"1,234.56"'},
        {"amount": '"1.234,56"'},
    ),
    LARGE: numbered({"number": str(ODD)}, {"number": f'"{ODD}"'}, {"number": "9007199254740992"}),
    WORDS: numbered(*({"note": json.dumps(word)} for word in WORD_LIST)),
    MORE: numbered({}).replace("}", ', "colour": {"name": "red"}}'),
}


def table(**columns: Any) -> bytes:
    """A Parquet file of some rows; values that are not given are those of a good record."""
    rows = max(map(len, columns.values()))
    values = {name: [value] * rows for name, value in RECORD.items()} | {"line": range(1, rows + 1)}
    values["amount"] = [Decimal("5.25")] * rows
    found = {name: column for name, column in (values | columns).items() if column is not DROPPED}
    file = io.BytesIO()
    pq.write_table(pa.table(found), file)
    return file.getvalue()


class _Dropped(list[Any]):
    """A column that a file has not."""


DROPPED = _Dropped()
PARQUET = {
    PLAIN: table(id=["a", "a"]),
    RENAMED: table(amount=DROPPED, amounts=[1, 2]),
    OTHER_CASE: table(currency=DROPPED, Currency=["EUR"]),
    DRIFTED: table(amount=["7.50", "seven"]),
    MALFORMED: table(amount=[{"value": 1}, None]),
    NO_NUMBERS: table(amount=[float("nan"), float("inf"), 1e308, -0.0, 0.25]),
    LARGE: table(number=[ODD, 2**53]),
    WORDS: table(note=WORD_LIST),
    MORE: table(colour=[["red", "blue"]]),
}


def contract(folder: Any, kind: str) -> Contract:
    return contract_of(
        folder,
        f"till_{kind}",
        format={"type": kind},
        columns=COLUMNS | {"number": "bigint"},
        meta={"number": {"optional": True}},
        max_lateness_days=30,
    )


@pytest.fixture(scope="module")
def landings(
    installation: Any, ledger: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Landed]]:
    """All deliveries of a format, landed in one pass."""
    session = open_session(installation, name="formats")
    found = {}
    for kind, days in (("json_lines", JSON), ("parquet", PARQUET)):
        folder = tmp_path_factory.mktemp(kind)
        landing = Landing(installation, ledger, session, folder)
        found[kind] = landing.land(contract(folder, kind), days)
    yield found
    session.stop()


@pytest.fixture(params=["json_lines", "parquet"])
def landed(landings: dict[str, Landed], request: pytest.FixtureRequest) -> Landed:
    return landings[request.param]


def raw(landed: Landed, dt: str) -> list[Any]:
    return [row for row in landed.raw() if row["dt"] == dt]


def reasons(landed: Landed, dt: str) -> dict[int, str]:
    return {r["_row_number"]: r["_reason"] for r in landed.quarantine() if r["dt"] == dt}


def test_no_record_is_lost_and_no_cent(landed: Landed) -> None:
    assert len(landed.batch.landed) == len(landed.batch.dates) - 2
    for date in landed.batch.dates.values():
        if not date.refused:
            assert date.rows_in == date.raw.rows + date.quarantine.rows
            assert date.money_in == date.raw.money


def test_fault_64_malformed_json_is_kept_back_with_its_text(landings: dict[str, Landed]) -> None:
    landed = landings["json_lines"]
    bad = [row for row in landed.quarantine() if row["dt"] == MALFORMED]
    assert [row["_reason"] for row in bad] == [NOT_JSON, NOT_JSON, NO_OBJECT, NOT_JSON]
    assert [row["_raw"].rstrip("\n") for row in bad] == BROKEN
    assert [row["amount"] for row in raw(landed, MALFORMED)] == [Decimal("5.25")]


def test_fault_67_a_new_field_is_kept_as_text(landed: Landed) -> None:
    (row,) = raw(landed, MORE)
    assert row["amount"] == Decimal("5.25")
    assert row["_extra"]["colour"] in ('{"name":"red"}', '["red", "blue"]')


def test_fault_68_a_renamed_field_or_another_case_refuses_the_delivery(landed: Landed) -> None:
    why = {refusal.delivery.dt: refusal.reason for refusal in landed.batch.refusals}
    assert sorted(why) == [RENAMED, OTHER_CASE]
    assert "'amount'" in why[RENAMED]
    assert "'currency'" in why[OTHER_CASE]


def test_fault_69_a_field_of_another_type_is_read_or_kept_back(landed: Landed) -> None:
    bad = [*reasons(landed, DRIFTED).values(), *reasons(landed, MALFORMED).values()]
    assert {"amount: not a decimal", NESTED} <= {*bad}
    assert [row["amount"] for row in raw(landed, DRIFTED)] == [Decimal("7.50")]
    # One scan over files of all deliveries, those of before the drift too.
    landed_days = {day for day in landed.batch.landed if landed.batch.dates[day].raw.rows}
    assert {row["dt"] for row in landed.raw()} == landed_days > {PLAIN, DRIFTED, LARGE}


def test_fault_76_floats_that_are_no_amounts_are_kept_back(landings: dict[str, Landed]) -> None:
    assert [*reasons(landings["json_lines"], NO_NUMBERS).values()] == [
        NOT_JSON,
        NOT_JSON,
        "amount: not a decimal",
        "amount: negative zero",
        "amount: not a decimal",
        "amount: not a decimal",
    ]
    parquet = landings["parquet"]
    assert [*reasons(parquet, NO_NUMBERS).values()] == [
        "amount: not a decimal",
        "amount: not a decimal",
        "amount: not a decimal",
        "amount: negative zero",
    ]
    assert [row["amount"] for row in raw(parquet, NO_NUMBERS)] == [Decimal("0.25")]


def test_fault_82_numbers_beyond_a_double_are_exact(landed: Landed) -> None:
    numbers = [row["number"] for row in raw(landed, LARGE)]
    assert {*numbers} == {ODD, 2**53}


def test_fault_83_null_is_null_and_words_are_words(landed: Landed) -> None:
    assert [row["note"] for row in raw(landed, WORDS)] == WORD_LIST
