"""Headers are mapped by name; what does not fit refuses the file."""

from pathlib import Path

import pytest
from feeds import HEADER, contract_of

from countinghouse.landing.formats import csv_files
from countinghouse.landing.formats.shape import FileShape, Layout, SourceFile
from countinghouse.landing.formats.text import FileBroken


def layout(tmp_path: Path, header: str, **changes: object) -> Layout:
    (tmp_path / "f.csv").write_text(header + "\n")
    contract = contract_of(tmp_path, **changes)
    return csv_files.layout(SourceFile(tmp_path / "f.csv"), FileShape.of(contract))


def test_fault_66_reordered_columns_are_found_by_name(tmp_path: Path) -> None:
    assert layout(tmp_path, "note,sold_at,currency,amount,line,id").fields == (5, 4, 3, 2, 1, 0)


def test_fault_67_undeclared_columns_are_told(tmp_path: Path) -> None:
    assert layout(tmp_path, HEADER + ",colour").undeclared == {"colour": 6}


def test_the_source_may_name_a_column_otherwise(tmp_path: Path) -> None:
    meta = {"note": {"header": "Free Text"}}
    assert layout(tmp_path, HEADER.replace("note", "Free Text"), meta=meta).fields[5] == 5


def test_optional_column_may_be_absent(tmp_path: Path) -> None:
    found = layout(tmp_path, HEADER.removesuffix(",note"), meta={"note": {"optional": True}})
    assert found.fields == (0, 1, 2, 3, 4, -1)


def test_a_trailing_delimiter_is_an_unnamed_last_column(tmp_path: Path) -> None:
    found = layout(tmp_path, HEADER + ",")
    assert (found.width, found.unnamed) == (7, 6)


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        (HEADER.removesuffix(",note"), "no column 'note'"),
        (HEADER.replace("amount", "Amount"), "no column 'amount'; undeclared: 'Amount'"),
        (HEADER + ",id", "'id' stands twice"),
        (HEADER + ",colour,colour", "'colour' stands twice"),
        (HEADER.replace("line", ""), "column 2 has no name"),
        ("", "empty"),
        ('id,"line', "broken quotes"),
    ],
)
def test_fault_68_header_that_does_not_fit_refuses_the_file(
    tmp_path: Path, header: str, complaint: str
) -> None:
    with pytest.raises(FileBroken, match=complaint):
        layout(tmp_path, header)
