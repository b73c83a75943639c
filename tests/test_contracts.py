"""Contracts: read as declared; what is wrong is named with file, line, feed and field."""

from pathlib import Path
from typing import Any

import pytest
from feeds import COLUMNS, contract_of, declaration, write_declaration

from countinghouse.contracts import load_contracts, read_contracts
from countinghouse.errors import ContractError


def test_a_feed_is_found_by_system_and_name(tmp_path: Path) -> None:
    write_declaration(tmp_path, declaration("till"), declaration("web"))
    assert sorted(load_contracts(tmp_path)) == ["till.sales", "web.sales"]


def test_a_source_without_landing_is_no_feed(tmp_path: Path) -> None:
    write_declaration(tmp_path, {"name": "plan", "tables": [{"name": "run_dates"}]})
    assert load_contracts(tmp_path) == {}


def test_every_feed_of_this_project_is_read() -> None:
    project = Path(__file__).resolve().parent.parent
    assert "completejourney.transactions" in load_contracts(project)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"kind": "stream"}, "landing.kind: 'stream' is not one of"),
        ({"keyz": []}, "'keyz' was unexpected"),
        ({"keys": ["nope"]}, "landing.keys: no column nope"),
        ({"refuse_above": 2}, "2 is greater than the maximum"),
        (
            {"expected": {"by": 360, "deadline": "12:00"}},
            "expected.by: 360 is not of type 'string'",
        ),
        ({"format": {"encoding": "utf8"}}, "'utf8' is not one of"),
        ({"format": {"delimiter": '"'}}, "delimiter and quote are the same"),
        ({"money": {"amount": {"currency": "XYZ"}}}, "unknown currency XYZ"),
        ({"money": {"amount": {"exponent": 2}}}, "needs currency or currency_column"),
        ({"money": {"note": {"currency": "USD"}}}, "money cannot be string"),
        ({"business_date": {"column": "note"}}, "note is no date or timestamp"),
        ({"business_date": {"column": "sold_at", "zone": "Mars/Base"}}, "unknown time zone Mars"),
        ({"kind": "full_snapshot"}, "a snapshot is of its delivery's date"),
        ({"kind": "event", "business_date": {"delivery": True}}, "name its column"),
        ({"columns": COLUMNS | {"rate": "double"}}, "double cannot be landed from text"),
        ({"columns": COLUMNS | {"rate": "decimal(50)"}}, "is not a type"),
        ({"columns": COLUMNS | {"dt": "date"}}, "the name belongs to landing"),
        ({"meta": {"line": {"pii": "high"}}}, "only a string can be hashed"),
        ({"meta": {"note": {"header": "id"}}}, "note stands twice"),
        ({"meta": {"note": {"nulable": False}}}, "'nulable' was unexpected"),
        ({"meta": {"id": {"optional": True}}}, "a column that may be absent is nullable"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ContractError) as raised:
        contract_of(tmp_path, **changes)
    assert complaint in str(raised.value)
    assert "sources.yml:" in str(raised.value)
    assert "till.sales: " in str(raised.value)


def test_errors_point_at_the_line(tmp_path: Path) -> None:
    path = write_declaration(tmp_path, declaration(kind="stream"))
    lines = path.read_text().splitlines()
    number = next(n for n, line in enumerate(lines, 1) if "kind: stream" in line)
    with pytest.raises(ContractError, match=f"sources.yml:{number}: "):
        list(read_contracts(path))


def test_a_key_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    path = write_declaration(tmp_path, declaration())
    path.write_text(path.read_text().replace("kind: event", "kind: event\n          kind: event"))
    with pytest.raises(ContractError, match="'kind' stands twice"):
        list(read_contracts(path))


def test_names_are_checked_before_they_reach_a_path(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="is not a name"):
        contract_of(tmp_path, "../etc")


def test_fingerprint_follows_meaning_and_not_words(tmp_path: Path) -> None:
    same = contract_of(tmp_path).model_copy(update={"description": "Other words."})
    assert same.fingerprint == contract_of(tmp_path).fingerprint
    assert contract_of(tmp_path, max_lateness_days=31).fingerprint != same.fingerprint
