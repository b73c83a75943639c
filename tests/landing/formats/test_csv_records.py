"""Records of files: every one is counted, twice, by two means that share nothing."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from countinghouse.landing.formats import csv_records as reader
from countinghouse.landing.formats.csv_grammar import Grammar
from countinghouse.landing.formats.csv_records import records
from countinghouse.landing.formats.dialect import Dialect
from countinghouse.landing.formats.shape import Record, SourceFile
from countinghouse.landing.formats.text import LONGEST, FileBroken, lines, opened

COMMA = Dialect(",", '"')
ODD = Dialect(";", "'")
ESCAPED = Dialect(",", '"', "\\")
BARE = Dialect("\t", "")
DIALECTS = [COMMA, ODD, ESCAPED, BARE]
# Dense in what makes CSV hard.
csv_text = st.text(st.sampled_from('ab,,;;""\'\\\n\r\t é\x00\U0001f600'), max_size=60)
values = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


def read(text: str, dialect: Dialect = COMMA) -> list[Record]:
    return list(records(lines(io.StringIO(text, newline="")), dialect))


@given(csv_text, st.sampled_from(DIALECTS))
@example('1,"open\n2,b\n3,"q",d\n', COMMA)
@example('"a""\n', COMMA)
@settings(max_examples=500, deadline=None)
def test_reader_and_independent_count_agree_on_any_text(text: str, dialect: Dialect) -> None:
    grammar = Grammar(dialect)
    counted = list(grammar.records(lines(io.StringIO(text, newline=""))))
    found = read(text, dialect)
    assert len(found) == len(counted)
    for record, other in zip(found, counted, strict=True):
        if record.error is None:
            assert other is not None
            assert grammar.fields(other) == record.fields
        elif record.error == reader.BROKEN_QUOTES:
            assert other is None


@given(st.lists(st.lists(values, min_size=2, max_size=4), max_size=5))
@settings(max_examples=300, deadline=None)
def test_fault_71_whatever_a_csv_writer_writes_comes_back_exactly(rows: list[list[str]]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    assert [record.fields for record in read(written.getvalue())] == rows


@given(csv_text)
@settings(max_examples=300, deadline=None)
def test_no_text_is_lost_between_the_records(text: str) -> None:
    kept = "".join(record.raw for record in read(text) if record.error is None)
    bad = [record for record in read(text) if record.error]
    blank = sum(
        len(line) for line in lines(io.StringIO(text, newline="")) if not line.strip("\r\n")
    )
    if not bad:
        assert len(kept) + blank >= len(text)


def test_an_escape_makes_quotes_and_delimiters_characters() -> None:
    found = read('1,"a\\"b\\\\",x\\,y\n', ESCAPED)
    assert [record.fields for record in found] == [["1", 'a"b\\', "x,y"]]


def test_an_escaped_line_end_outside_of_quotes_breaks_its_line_only() -> None:
    found = read("1,a\\\n2,b\n", ESCAPED)
    assert [record.error for record in found] == [reader.BROKEN_QUOTES, None]


def test_without_a_quote_every_line_is_a_record() -> None:
    found = read('1\t"open\n2\tit"s\n', BARE)
    assert [record.fields for record in found] == [["1", '"open'], ["2", 'it"s']]


def test_fault_64_a_stray_quote_costs_its_own_line_only() -> None:
    found = read('1,"open,x\n2,b,c\n3,"q",d\n')
    assert [record.error for record in found] == [reader.BROKEN_QUOTES, None, None]
    assert found[0].raw == '1,"open,x\n'
    assert found[1].fields == ["2", "b", "c"]


def test_a_quote_inside_of_a_bare_field_is_a_character() -> None:
    assert read('5" pipe,2\n')[0].fields == ['5" pipe', "2"]


def test_fault_72_nul_and_bytes_that_are_no_text_are_bad_records(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"a,b\x00\nc,\xff\nd,e\n")
    with opened(SourceFile(path), "utf-8", "infer") as text:
        found = list(records(lines(text), COMMA))
    assert [record.error for record in found] == [reader.NUL, reader.BAD_BYTES, None]
    assert found[0].raw == "a,b\\x00\n"
    assert found[1].raw == "c,\\udcff\n"


def test_fault_70_a_line_without_end_is_one_bad_record() -> None:
    found = read("x" * (3 * LONGEST) + "\nnext,1\n")
    assert [record.error for record in found] == [reader.TOO_LONG, None]
    assert len(found[0].raw) == LONGEST


def test_fault_64_a_quote_that_never_closes_swallows_nothing() -> None:
    found = read('a,"open\n' + "b,1\n" * 100)
    assert len(found) == 101
    assert [record.error for record in found[:2]] == [reader.BROKEN_QUOTES, None]


def test_a_file_full_of_open_quotes_is_given_up() -> None:
    with pytest.raises(FileBroken, match="broken quotes"):
        read('"a"x\n' * 1500)


def test_an_empty_file_has_no_records() -> None:
    assert read("") == []
    assert read("\n\r\n\n") == []
