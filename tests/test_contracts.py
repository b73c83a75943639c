"""Contracts: read as declared; what is wrong is named with file, line, feed and field."""

from pathlib import Path
from typing import Any

import pytest
from feeds import COLUMNS, contract_of, declaration, write_declaration

from countinghouse.contracts import load_contracts, read_contracts
from countinghouse.errors import ContractError

EXPECTED = {"by": "06:00", "deadline": "12:00"}


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
        ({"format": {"encoding": "utf-eight"}}, "'utf-eight' is no text encoding"),
        ({"format": {"delimiter": "\n"}}, "format.delimiter: '\\n' does not match"),
        ({"format": {"quote": "''"}}, "format.quote: \"''\" does not match"),
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
        ({"columns": COLUMNS | {"rate": "decimal(p,2)"}}, "'decimal(p,2)' is not a type"),
        ({"refuse_above": float("nan")}, "refuse_above: is not a number"),
        ({"expected": EXPECTED | {"zone": "Europe/Pariss"}}, "unknown time zone Europe/Pariss"),
        ({"expected": EXPECTED | {"zone": "Europe"}}, "expected: unknown time zone Europe"),
        ({"meta": {"sold_at": {"format": "YYYY-MM-DD"}}}, "meta.format: 'YYYY-MM-DD' has YYYY"),
        ({"columns": COLUMNS | {"dt": "date"}}, "the name belongs to landing"),
        ({"meta": {"line": {"pii": "high"}}}, "only a string can be treated so"),
        ({"meta": {"note": {"header": "id"}}}, "note stands twice"),
        ({"meta": {"note": {"nulable": False}}}, "'nulable' was unexpected"),
        ({"meta": {"line": {"canonical": True}}}, "int is no text"),
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
        read_contracts(path)


def test_a_key_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    path = write_declaration(tmp_path, declaration())
    path.write_text(path.read_text().replace("kind: event", "kind: event\n          kind: event"))
    with pytest.raises(ContractError, match="'kind' stands twice"):
        read_contracts(path)


def test_names_are_checked_before_they_reach_a_path(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="is not a name"):
        contract_of(tmp_path, "../etc")


def test_fingerprint_follows_meaning_and_not_words(tmp_path: Path) -> None:
    same = contract_of(tmp_path).model_copy(update={"description": "Other words."})
    assert same.fingerprint == contract_of(tmp_path).fingerprint
    assert contract_of(tmp_path, max_lateness_days=31).fingerprint != same.fingerprint


@pytest.mark.parametrize("name", ["till.yml", "till.yaml"])
def test_feeds_are_read_from_the_files_that_dbt_reads(tmp_path: Path, name: str) -> None:
    path = write_declaration(tmp_path, declaration())
    path.rename(path.with_name(name))
    assert list(load_contracts(tmp_path)) == ["till.sales"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("sources:\n  till:\n    tables: []\n", ":1: sources: is no list"),
        ("sources:\n  - till\n", ":2: sources.0: is no mapping"),
        (
            "sources:\n  - name: till\n    tables:\n      sales: {}\n",
            ":3: till: sources.0.tables: is no list",
        ),
        (
            "sources:\n  - name: till\n    tables:\n      -\n",
            ":4: till: sources.0.tables.0: is empty",
        ),
        (
            "sources:\n  - name: till\n    tables:\n      - name: sales\n        config: [1]\n",
            ":5: till.sales: sources.0.tables.0.config: is no mapping",
        ),
        (
            "sources:\n  - name: till\n    tables:\n      - name: sales\n"
            "        config: {meta: 1}\n",
            ":5: till.sales: sources.0.tables.0.config.meta: is no mapping",
        ),
        ("sources:\n  - {[a]: b}\n", ":2: a key is no text"),
        ("since: 2026-02-30\nsources:\n", ":1: 2026-02-30: "),
        ("name: till\nnote: \x00\nsources:\n", ":1: "),
    ],
)
def test_what_is_no_declaration_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = write_declaration(tmp_path)
    path.write_text(text)
    with pytest.raises(ContractError) as raised:
        load_contracts(tmp_path)
    assert f"sources.yml{complaint}" in str(raised.value)


def test_a_file_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    path = write_declaration(tmp_path)
    path.write_bytes("version: 2\nsources: []  # déjà vu\n".encode("latin-1"))
    with pytest.raises(ContractError, match=r"sources.yml:2: is not UTF-8"):
        load_contracts(tmp_path)


@pytest.mark.parametrize("system", ["till__front", "till_"])
def test_a_table_says_which_system_it_comes_from(tmp_path: Path, system: str) -> None:
    with pytest.raises(ContractError, match="__ parts system and feed"):
        contract_of(tmp_path, system)


@pytest.mark.parametrize(
    "pattern",
    [
        "yyyy-MM-dd",
        "dd.MM.yyyy HH:mm",
        "d MMM yy",
        "yyyy-MM",
        "yyyyDDD",
        "yyyy-MM-dd'T'HH:mm:ss[.SSS]XXX",
        "MM/dd/yyyy hh:mm a VV",
        "yyyy 'Week' MM dd",
    ],
)
def test_a_pattern_that_the_engine_parses_is_taken(tmp_path: Path, pattern: str) -> None:
    contract = contract_of(tmp_path, meta={"sold_at": {"format": pattern}})
    assert contract.column("sold_at").format == pattern


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("YYYY-MM-dd", "has YYYY"),
        ("yyyy-'W'ww", "has ww"),
        ("yyyy-MM-DD", "has D, the day of the year"),
        ("yyyy-mm-dd", "no month"),
        ("HH:mm", "has no year"),
        ("E yyyy-MM-dd", "has E"),
        ("yyyy-MM-ddTHH:mm", "has T"),
        ("yyyy-MMMMM-dd", "has MMMMM"),
        ("yyyy-MM-ddd", "has ddd"),
        ("yyyyyyy-MM-dd", "has yyyyyyy"),
        ("yyyy-MM-dd 'T", "has a quote"),
        ("yyyy-MM-dd]", "has a bracket"),
        ("yyyy-MM-dd#", "has '#'"),
    ],
)
def test_a_pattern_that_the_engine_refuses_or_misreads_is_named(
    tmp_path: Path, pattern: str, complaint: str
) -> None:
    with pytest.raises(ContractError) as raised:
        contract_of(tmp_path, meta={"sold_at": {"format": pattern}})
    assert complaint in str(raised.value)


def test_fault_49_a_suite_of_no_declared_feed_is_an_error(tmp_path: Path) -> None:
    write_declaration(tmp_path, declaration("till"))
    suite = tmp_path / "expectations" / "raw" / "till__sales.py"
    suite.parent.mkdir(parents=True)
    suite.touch()
    assert list(load_contracts(tmp_path)) == ["till.sales"]
    suite.rename(suite.with_name("till__renamed.py"))
    with pytest.raises(ContractError, match=r"no feed has the table raw\.till__renamed"):
        load_contracts(tmp_path)
