"""Delimiters, quotes, encodings, headers, preambles: as files come, they are read."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from inferred import Inferred

from countinghouse.inference.origins import NotInferred

Infer = Callable[..., Inferred]
TABLE = [
    ("order_id", "city", "amount"),
    ("1", "Köln", "12.50"),
    ("2", "Zürich", "7.00"),
    ("3", "Orléans", "0.99"),
]


def written(delimiter: str = ",", end: str = "\n", table: list[tuple[str, ...]] = TABLE) -> str:
    return "".join(delimiter.join(row) + end for row in table)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~", ":", "\x01"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_delimiter_is_found(inferred: Infer, delimiter: str, end: str) -> None:
    found = inferred(written(delimiter, end))
    assert found.contract.format.delimiter == delimiter
    assert found.rows() == TABLE[1:]


def test_times_do_not_make_the_colon_a_delimiter(inferred: Infer) -> None:
    found = inferred("id,at\n1,2026-01-01 10:20:30\n2,2026-01-01 11:21:31\n")
    assert found.types == {"id": "bigint", "at": "timestamp"}


def test_a_decimal_comma_is_no_delimiter(inferred: Infer) -> None:
    found = inferred("1;2,5;3,25\n2;3,5;4,25\n3;4,5;5,75\n")
    assert (found.contract.format.delimiter, found.contract.format.header) == (";", False)
    assert found.contract.format.decimal_mark == ","


def test_delimiters_and_line_ends_inside_of_quotes_part_nothing(inferred: Infer) -> None:
    found = inferred('id,note\n1,"late, and\nlong"\n2,"she said ""no"""\n3,plain\n')
    assert [row[1] for row in found.rows()] == ["late, and\nlong", 'she said "no"', "plain"]


def test_quotes_that_open_nothing_are_characters(inferred: Infer) -> None:
    found = inferred('id|size\n1|"22 LB\n2|15" x 3"\n3|8 OZ\n')
    assert found.contract.format.quote == ""
    assert found.rows()[0] == ("1", '"22 LB')


def test_a_backslash_may_escape_a_quote(inferred: Infer) -> None:
    found = inferred('id,note\n1,"a \\" b, c"\n2,"d"\n3,"e, f"\n')
    assert found.contract.format.escape == "\\"
    assert found.rows()[0] == ("1", 'a " b, c')


def test_a_backslash_before_a_letter_is_a_character(inferred: Infer) -> None:
    found = inferred("id,path\n1,\\a:\n2,\\b:\n3,c\n")
    assert found.contract.format.escape == ""
    assert [row[1] for row in found.rows()] == ["\\a:", "\\b:", "c"]


def test_quotes_that_break_after_the_beginning_change_the_dialect(inferred: Infer) -> None:
    lines = [f"{n}|text {n}\n" for n in range(40_000)]
    found = inferred("id|size\n" + "".join(lines) + '40001|"22 LB\n' + "".join(lines[:3]))
    assert (found.contract.format.quote, found.expected_bad) == ("", 0)


def test_single_quotes_are_found(inferred: Infer) -> None:
    found = inferred("id;note\n1;'a; b'\n2;'c'\n3;'it''s'\n")
    assert [row[1] for row in found.rows()] == ["a; b", "c", "it's"]


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
        ("latin-1", "cp1252"),
    ],
)
def test_the_encoding_is_found(inferred: Infer, encoding: str, declared: str) -> None:
    found = inferred(written(";"), encoding=encoding)
    assert found.contract.format.encoding == declared
    assert found.rows() == TABLE[1:]
    assert ("# decide: encoding" in found.text) == (declared not in ("utf-8", "utf-16"))


@pytest.mark.parametrize(
    ("encoding", "cities"),
    [
        ("cp1251", ["Москва", "Санкт-Петербург", "Нижний Новгород", "Екатеринбург"]),
        ("cp932", ["東京都千代田区", "大阪府大阪市", "京都府京都市", "北海道札幌市"]),
    ],
)
def test_other_alphabets_are_guessed(inferred: Infer, encoding: str, cities: list[str]) -> None:
    lines = "".join(f"{n},{city}\n" for n, city in enumerate(cities * 5))
    found = inferred(f"id,city\n{lines}", encoding=encoding)
    assert [row[1] for row in found.rows()] == cities * 5
    assert "# decide: encoding" in found.text


def test_a_foreign_letter_far_behind_the_beginning_counts(inferred: Infer) -> None:
    lines = "".join(f"{n},plain\n" for n in range(300_000))
    found = inferred(f"id,city\n{lines}300000,Köln\n".encode("latin-1"))
    assert found.rows()[-1] == ("300000", "Köln")


def test_a_byte_that_is_none_of_cp1252_makes_it_latin_1(inferred: Infer) -> None:
    found = inferred("id,city\n1,Köln\x81\n2,Bonn\n".encode("latin-1"))
    assert found.contract.format.encoding == "latin-1"


def test_a_file_without_header_has_numbered_columns(inferred: Infer) -> None:
    found = inferred("1,12.50,Bonn\n2,7.00,Paris\n3,0.99,Rome\n")
    assert found.types == {"column_1": "bigint", "column_2": "decimal(18,2)", "column_3": "string"}
    assert (found.contract.format.header, len(found.rows())) == (False, 3)


@pytest.mark.parametrize(
    "rows",
    [
        "FR,EUR\nDE,EUR\nGB,GBP\nUS,USD\n",
        "FR,PAR\nDE,BER\nGB,LON\nIT,ROM\n",
        "true,Bonn\nfalse,Rome\ntrue,Paris\nfalse,York\n",
        "31-Dec-2025,Bonn\n01-Jan-2026,Rome\n02-Jan-2026,Paris\n03-Jan-2026,York\n",
    ],
)
def test_codes_and_values_are_no_names(inferred: Infer, rows: str) -> None:
    found = inferred(rows)
    assert (found.contract.format.header, len(found.rows())) == (False, 4)


def test_a_name_above_codes_of_one_length_is_a_header(inferred: Infer) -> None:
    found = inferred("code,city\nFR,Paris\nDE,Bonn\nGB,York\n")
    assert (found.contract.format.header, "decide: header" in found.text) == (True, False)


def test_texts_alone_leave_the_header_to_a_person(inferred: Infer) -> None:
    found = inferred("category,english\nperfumaria,perfumery\nartes,art\nesporte_lazer,sports\n")
    assert found.contract.format.header
    assert "# decide: header: the first record could as well be data" in found.text


@pytest.mark.parametrize("preamble", ["Report of sales\n\n", "Shop: Köln\nFrom 2026-01-01\n\n\n"])
def test_lines_before_the_header_are_skipped(inferred: Infer, preamble: str) -> None:
    found = inferred(preamble + written(";"))
    assert found.contract.format.preamble == preamble.count("\n")
    assert found.rows() == TABLE[1:]
    assert "# decide: preamble" in found.text


def test_a_last_line_of_totals_is_a_trailer_whose_rows_are_checked(
    inferred: Infer, tmp_path: Path
) -> None:
    found = inferred(written() + "END OF FILE 3 rows\n")
    assert (len(found.rows()), found.check().broken) == (3, "")
    (tmp_path / "sales.csv").write_text(written(table=TABLE[:-1]) + "END OF FILE 3 rows\n")
    assert "announced" in found.check().broken


@pytest.mark.parametrize("total", ["1.234.567,89", "-1.234,50", "12,50", "0"])
def test_the_next_trailer_may_have_another_total(
    inferred: Infer, tmp_path: Path, total: str
) -> None:
    found = inferred(written(";") + "Summe 3 EUR 830.548,38\n")
    (tmp_path / "sales.csv").write_text(written(";") + f"Summe 3 EUR {total}\n")
    assert (found.check().broken, found.check().bad_rows) == ("", 0)
    (tmp_path / "sales.csv").write_text(written(";") + f"Summe 2 EUR {total}\n")
    assert "announced" in found.check().broken


def test_a_trailing_delimiter_makes_no_column(inferred: Infer) -> None:
    found = inferred("date,usd,\n2026-01-02,1.17,\n2026-01-05,1.18,\n")
    assert found.types == {"date": "date", "usd": "decimal(18,2)"}
    assert found.check().bad_rows == 0


@pytest.mark.parametrize("header", [",item,price", "item,item,price"])
def test_a_header_that_landing_cannot_use_is_skipped(inferred: Infer, header: str) -> None:
    found = inferred(f"{header}\n0,a,1.50\n1,b,2.50\n")
    assert (found.contract.format.header, found.contract.format.preamble) == (False, 1)
    assert found.rows() == [("0", "a", "1.50"), ("1", "b", "2.50")]
    assert "price" in found.types
    assert "# decide: header: landing cannot use" in found.text


def test_values_below_an_empty_last_name_are_a_column(inferred: Infer) -> None:
    found = inferred("id,name,\n1,a,x\n2,b,\n")
    assert [row[2] for row in found.rows()] == ["x", ""]


def test_rows_that_no_contract_lands_are_told(inferred: Infer) -> None:
    found = inferred(written() + "4,Bonn\n" + written(table=TABLE[1:]) * 5)
    assert found.expected_bad == 1
    assert "#   row: too few fields: 1" in found.text
    assert found.check().bad == {"row: too few fields": 1}


@pytest.mark.parametrize("packed", ["gzip", "zip"])
def test_a_compressed_file_is_read(inferred: Infer, packed: str) -> None:
    if packed == "gzip":
        content = gzip.compress(written().encode())
    else:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("sales.csv", written())
        content = stream.getvalue()
    assert inferred(content, name="sales.dat").rows() == TABLE[1:]


def test_an_empty_file_is_refused(inferred: Infer) -> None:
    with pytest.raises(NotInferred, match="no table"):
        inferred("")


def test_a_header_alone_has_texts_and_is_a_contract(inferred: Infer) -> None:
    found = inferred("id,name\n")
    assert (found.types, found.rows()) == ({"id": "string", "name": "string"}, [])
