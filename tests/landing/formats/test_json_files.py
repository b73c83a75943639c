"""JSON: numbers as they are written, nothing lost, one bad line costs that line."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countinghouse.landing.formats import json_files
from countinghouse.landing.formats.csv_records import BAD_BYTES, NUL
from countinghouse.landing.formats.shape import FileShape, Place, Record, SourceFile
from countinghouse.landing.formats.text import FileBroken

names = st.text(st.sampled_from("ab/~ é"), min_size=1, max_size=3)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
)


def shape(*headers: str, **changes: Any) -> FileShape:
    places = tuple(Place(header, optional=True) for header in headers)
    return FileShape(**{"columns": places, "type": "json_lines"} | changes)


def read(tmp_path: Path, content: str | bytes, declared: FileShape) -> list[Record]:
    path = tmp_path / "f.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    layout = json_files.layout(SourceFile(path), declared)
    found = list(json_files.records(SourceFile(path), declared, layout))
    counted = list(json_files.count(SourceFile(path), declared, layout))
    assert len(counted) == len(found)
    for record, other in zip(found, counted, strict=True):
        assert (other is None) == (record.error is not None)
    return found


def test_fault_82_numbers_are_taken_as_they_are_written(tmp_path: Path) -> None:
    line = '{"a": 1.10, "b": 12345678901234567890, "c": 1e3, "d": true, "e": null, "f": "x"}'
    (record,) = read(tmp_path, line, shape("a", "b", "c", "d", "e", "f"))
    assert record.fields == ["1.10", "12345678901234567890", "1e3", "true", None, "x"]


def test_a_pointer_leads_into_an_object_and_the_rest_is_extra(tmp_path: Path) -> None:
    line = '{"card": {"last4": "4242", "exp": {"year": 2030, "month": 1}}, "n": 1, "x": [1, 2.50]}'
    (record,) = read(tmp_path, line, shape("/card/last4", "/card/exp/year", "n"))
    assert record.fields == ["4242", "2030", "1"]
    assert record.extra == {"card": '{"exp":{"month":1}}', "x": "[1,2.50]"}


def test_a_name_with_a_slash_has_a_pointer(tmp_path: Path) -> None:
    assert read(tmp_path, '{"a/b": {"~c": 1}}', shape("/a~1b/~0c"))[0].fields == ["1"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('{"a": 1', json_files.NOT_JSON),
        ('{"a": NaN}', json_files.NOT_JSON),
        ('{"a": Infinity}', json_files.NOT_JSON),
        ('{"a": 01}', json_files.NOT_JSON),
        ("[1]", json_files.NO_OBJECT),
        ('"text"', json_files.NO_OBJECT),
        ('{"a": {"b": 1}}', json_files.NESTED),
        ('{"a": [1]}', json_files.NESTED),
        ('{"a": "x\\u0000y"}', NUL),
        ('{"a": "\\ud800"}', BAD_BYTES),
        ('{"a": ' + "[" * 5000 + "]" * 5000 + "}", json_files.NOT_JSON),
    ],
)
def test_fault_64_a_bad_line_costs_itself_only(tmp_path: Path, line: str, error: str) -> None:
    found = read(tmp_path, f'{{"a": 1}}\n{line}\n\n{{"a": 2}}\n', shape("a"))
    assert [record.error for record in found] == [None, error, None]


def test_fault_72_bytes_that_are_no_text_are_a_bad_line(tmp_path: Path) -> None:
    found = read(tmp_path, b'{"a": "\xff"}\n{"a": "b"}\n', shape("a"))
    assert [record.error for record in found] == [BAD_BYTES, None]


def test_a_name_that_stands_twice_refuses_the_file(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_text('{"a": 1, "a": 2}\n')
    declared = shape("a")
    layout = json_files.layout(SourceFile(path), declared)
    with pytest.raises(FileBroken, match="stands twice"):
        list(json_files.records(SourceFile(path), declared, layout))


def test_fault_68_a_declared_name_that_no_record_has_refuses_the_file(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_text('{"amount": 1}\n{"amount": 2}\n')
    declared = FileShape((Place("amount"), Place("currency")), type="json_lines")
    layout = json_files.layout(SourceFile(path), declared)
    with pytest.raises(FileBroken, match="no record has 'currency'"):
        list(json_files.count(SourceFile(path), declared, layout))


def test_the_records_of_a_document_are_found_by_a_pointer(tmp_path: Path) -> None:
    document = json.dumps({"data": {"list": [{"a": 1}, {"a": 2}], "one": {"a": 3}}})
    of_list = shape("a", type="json", records="/data/list")
    assert [record.fields for record in read(tmp_path, document, of_list)] == [["1"], ["2"]]
    of_one = shape("a", type="json", records="/data/one")
    assert [record.fields for record in read(tmp_path, document, of_one)] == [["3"]]
    with pytest.raises(FileBroken, match="no records at /nowhere"):
        read(tmp_path, document, shape("a", type="json", records="/nowhere"))


def test_a_document_that_is_cut_off_is_a_broken_file(tmp_path: Path) -> None:
    with pytest.raises(FileBroken, match="not JSON"):
        read(tmp_path, '[{"a": 1}, {"a"', shape("a", type="json"))


@given(st.lists(st.dictionaries(names, values, max_size=4), max_size=4))
@settings(max_examples=200, deadline=None)
def test_whatever_is_written_is_in_a_field_or_in_extra(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if "\\u0000" in text or "\x00" in text:
        return
    declared = FileShape((Place("a", True, True), Place("/b/a", True, True)), type="json_lines")
    found = read(tmp_path_factory.mktemp("json"), text, declared)
    for row, record in zip(rows, found, strict=True):
        nested = row.get("b")
        expected = {name for name in row if name not in ("a", "b")}
        below = nested.get("a") if isinstance(nested, dict) else None
        assert (record.fields[0] is None) == (row.get("a") is None)
        assert (record.fields[1] is None) == (below is None)
        assert set(record.extra) - {"b"} == expected
        if isinstance(nested, dict) and set(nested) - {"a"}:
            kept = json.loads(str(record.extra["b"]))
            assert set(kept) == set(nested) - {"a"}
