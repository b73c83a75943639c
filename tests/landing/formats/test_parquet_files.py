"""Parquet: whatever type a column has in a file, its values come as text and are counted again."""

import datetime as dt
import gzip
import io
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from countinghouse.landing.formats import parquet_files
from countinghouse.landing.formats.csv_records import BAD_BYTES, NUL, TOO_LONG
from countinghouse.landing.formats.json_files import NESTED
from countinghouse.landing.formats.shape import FileShape, Place, Record, SourceFile
from countinghouse.landing.formats.text import LONGEST, FileBroken

UTC = dt.UTC


def shape(*headers: str, **changes: Any) -> FileShape:
    places = tuple(Place(header, optional=True) for header in headers)
    return FileShape(**{"columns": places, "type": "parquet"} | changes)


def written(path: Path, columns: dict[str, Any]) -> SourceFile:
    pq.write_table(pa.table(columns), path)
    return SourceFile(path)


def read(file: SourceFile, declared: FileShape) -> list[Record]:
    layout = parquet_files.layout(file, declared)
    found = list(parquet_files.records(file, declared, layout))
    counted = list(parquet_files.count(file, declared, layout))
    for record, other in zip(found, counted, strict=True):
        assert (other is None) == (record.error is not None)
    return found


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([1, None, -(2**63)]), ["1", None, "-9223372036854775808"]),
        (pa.array([Decimal("1.10"), Decimal("-0.05"), None]), ["1.10", "-0.05", None]),
        (pa.array([Decimal("0.0000000001")]), ["0.0000000001"]),
        (pa.array([0.1, 2.0, float("nan")]), ["0.1", "2", "nan"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([dt.date(2026, 2, 28)]), ["2026-02-28"]),
        (
            pa.array([dt.datetime(2026, 3, 1, 9, 0, 0, 1)], pa.timestamp("us")),
            ["2026-03-01 09:00:00.000001"],
        ),
        (
            pa.array([dt.datetime(2026, 3, 1, 9, tzinfo=UTC)], pa.timestamp("ms", "Europe/Paris")),
            ["2026-03-01 09:00:00.000Z"],
        ),
        (pa.array([1], pa.timestamp("ns")), ["1970-01-01 00:00:00.000000001"]),
        (pa.array(["x", None]).dictionary_encode(), ["x", None]),
        (pa.array([b"bytes"], pa.binary()), ["bytes"]),
        (pa.array([None, None]), [None, None]),
    ],
)
def test_values_of_every_type_come_as_text(tmp_path: Path, values: Any, texts: list[Any]) -> None:
    file = written(tmp_path / "f.parquet", {"a": values})
    assert [record.fields[0] for record in read(file, shape("a"))] == texts


def test_fault_68_undeclared_columns_are_extra_and_absent_ones_told(tmp_path: Path) -> None:
    file = written(tmp_path / "f.parquet", {"a": [1], "b": [[1, 2]], "c": [None]})
    (record,) = read(file, shape("a", "z"))
    layout = parquet_files.layout(file, shape("a", "z"))
    assert layout.fields == (0, -1)
    assert record.extra == {"b": "[1, 2]", "c": None}
    with pytest.raises(FileBroken, match="no column 'z'; undeclared: 'b', 'c'"):
        parquet_files.layout(file, FileShape((Place("a"), Place("z")), type="parquet"))


def test_fault_69_an_object_where_a_value_is_declared_is_a_bad_row(tmp_path: Path) -> None:
    file = written(tmp_path / "f.parquet", {"a": [{"x": 1}, None]})
    assert [record.error for record in read(file, shape("a"))] == [NESTED, None]
    kept = FileShape((Place("a", nested=True),), type="parquet")
    assert read(file, kept)[0].fields == ('{"x": 1}',)


def test_fault_72_bytes_that_are_no_text_and_nul_are_bad_rows(tmp_path: Path) -> None:
    file = written(tmp_path / "f.parquet", {"a": [b"\xff", b"a\x00", b"b"]})
    assert [record.error for record in read(file, shape("a"))] == [BAD_BYTES, NUL, None]


def test_a_file_that_is_cut_off_is_broken(tmp_path: Path) -> None:
    file = written(tmp_path / "f.parquet", {"a": [*range(1000)]})
    file.path.write_bytes(file.path.read_bytes()[:-100])
    with pytest.raises(FileBroken, match="parquet"):
        parquet_files.layout(file, shape("a"))


def test_inside_of_gzip_and_zip(tmp_path: Path) -> None:
    plain = written(tmp_path / "f.parquet", {"a": [1, 2]}).path.read_bytes()
    (tmp_path / "f.gz").write_bytes(gzip.compress(plain))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("in/f.parquet", plain)
    (tmp_path / "f.zip").write_bytes(archive.getvalue())
    for file in (SourceFile(tmp_path / "f.gz"), SourceFile(tmp_path / "f.zip", "in/f.parquet")):
        assert [record.fields for record in read(file, shape("a"))] == [("1",), ("2",)]


def test_fault_70_a_value_of_megabytes_is_a_bad_row_however_it_is_stored(tmp_path: Path) -> None:
    long, longest = "x" * (LONGEST + 1), "é" * LONGEST
    column = pa.array([long, longest, None, "y"])
    for n, values in enumerate([column, column.dictionary_encode(), column.cast(pa.binary())]):
        found = read(written(tmp_path / f"{n}.parquet", {"a": values}), shape("a"))
        assert [record.error for record in found] == [TOO_LONG, None, None, None]
        assert [record.fields for record in found[1:]] == [(longest,), (None,), ("y",)]
        assert len(found[0].raw) < LONGEST + 100


@pytest.mark.parametrize("values", [pa.array(["x" * 5000]), pa.array([[0] * 200])])
def test_fault_70_a_row_group_that_may_not_fit_into_memory_refuses_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: Any
) -> None:
    monkeypatch.setattr(parquet_files, "LARGEST_CHUNK", 4000)
    file = written(tmp_path / "f.parquet", {"a": values})
    with pytest.raises(FileBroken, match="in one row group, more than 0; write smaller"):
        parquet_files.layout(file, shape("a"))
