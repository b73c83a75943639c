"""The type of a column takes every value of it, and means what the values mean."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from conftest import TODAY
from inferred import Inferred

from countinghouse.contracts import Column

Infer = Callable[..., Inferred]


def column(inferred: Infer, values: Sequence[str], name: str = "what") -> Column:
    lines = "".join(f'{n};"{value}"\n' for n, value in enumerate(values))
    return inferred(f"line;{name}\n{lines}").contract.columns[1]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", "+3"], "bigint"),
        (["9007199254740993", "9223372036854775807"], "bigint"),
        (["9223372036854775808", "1"], "decimal(38,0)"),
        (["-9223372036854775809", "1"], "decimal(38,0)"),
        (["1.5", "2"], "decimal(18,2)"),
        (["1.0", "2.0"], "decimal(18,2)"),
        (["0.12345", "1.5"], "decimal(18,6)"),
        (["1234567890123456.75", "1"], "decimal(38,2)"),
        (["00123", "04711"], "string"),
        (["0", "7"], "bigint"),
        ([" 5", "6"], "string"),
        (["1711111111", "1711111112"], "bigint"),
        (["1711111111000", "1711111112000"], "bigint"),
        (["true", "FALSE"], "boolean"),
        (["Y", "N"], "boolean"),
        (["N", "N"], "string"),
        (["F", "M"], "string"),
        (["1", "0"], "bigint"),
        (["2026-01-02", "1999-12-31"], "date"),
        (["2026-01-02", "2026-02-30"], "string"),
        (["2026-01-02", "1899-12-31"], "string"),
        (["2026-01-02 10:00:00", "2026-01-02 10:00"], "timestamp"),
        (["2026-01-02T10:00:00Z", "2026-01-02T10:00:00.123456+02:00"], "timestamp"),
        (["2026-01-02T10:00:00.123456789Z", "2026-01-02T10:00:00Z"], "string"),
        (["10:00:00", "11:30:00"], "string"),
        (["1.2.3.4", "10.0.0.1"], "string"),
        (["-0.0", "1.5"], "string"),
        # Not whole numbers either: the next one may have cents.
        (["-0.00", "1.00"], "string"),
        (["inf", "1.5"], "string"),
        (["", ""], "string"),
    ],
)
def test_types(inferred: Infer, values: Sequence[str], kind: str) -> None:
    assert column(inferred, values).type == kind


@pytest.mark.parametrize(
    ("values", "pattern"),
    [
        (["31.12.2025", "01.01.2026"], "dd.MM.yyyy"),
        (["1.2.2026", "31.12.2025"], "d.M.yyyy"),
        (["31/12/2025", "01/01/2026"], "dd/MM/yyyy"),
        (["12/31/2025", "01/01/2026"], "MM/dd/yyyy"),
        (["2025/12/31", "2026/01/01"], "yyyy/MM/dd"),
        (["31-Dec-2025", "01-Jan-2026"], "dd-MMM-yyyy"),
        (["31.12.25", "01.01.26"], "dd.MM.yy"),
        (["31.12.2025 23:59", "01.01.2026 00:00"], "dd.MM.yyyy HH:mm"),
        (["2026-01-02 2:20:51", "2026-01-02 12:20:51"], "yyyy-MM-dd H:mm:ss"),
        (["2026-01-02 10:00:00 UTC", "2026-01-02 11:00:00 UTC"], "yyyy-MM-dd HH:mm:ss VV"),
        (["2026-01-02T10:00:00+0100", "2026-01-02T11:00:00+0000"], "yyyy-MM-dd'T'HH:mm:ssXX"),
        (["12/31/2025 1:05 PM", "01/01/2026 11:00 AM"], "MM/dd/yyyy h:mm a"),
    ],
)
def test_dates_and_times_have_their_format(
    inferred: Infer, values: Sequence[str], pattern: str
) -> None:
    assert column(inferred, values).format == pattern


@pytest.mark.parametrize(("name", "kind"), [("booking_date", "date"), ("booking_number", "bigint")])
def test_eight_digits_are_a_date_by_their_name(inferred: Infer, name: str, kind: str) -> None:
    assert column(inferred, ["20260102", "19000101"], name).type == kind


def test_a_day_that_may_be_a_month_is_for_a_person(inferred: Infer) -> None:
    found = inferred("id,day\n1,01/02/2026\n2,03/04/2026\n")
    assert "# decide: day or month first?" in found.text
    assert (
        "# decide: day or month first?" not in inferred("id,day\n1,01/02/2026\n2,13/04/2026\n").text
    )


@pytest.mark.parametrize("token", ["NA", "N/A", "-", "NULL", "\\N", "nan", " "])
@pytest.mark.parametrize("value", ["1.5", "2026-01-02"])
def test_a_word_for_nothing_is_none_among_numbers_and_dates(
    inferred: Infer, token: str, value: str
) -> None:
    found = column(inferred, [value, token, value])
    assert (found.type != "string", token in found.null_values) == (True, True)


def test_namibia_is_a_country(inferred: Infer) -> None:
    found = inferred("code,minor_unit\nNA,2\nDE,N/A\nFR,2\n")
    code, unit = found.contract.columns
    assert ("NA" in code.null_values, code.nullable) == (False, False)
    assert "N/A" in unit.null_values
    assert "# decide: 'NA' stays a text" in found.text


def test_the_same_word_for_nothing_in_many_columns_stands_once(inferred: Infer) -> None:
    found = inferred("id,a,b\n1,N/A,1.5\n2,2.5,N/A\n")
    assert found.contract.format.null_values == ("", "N/A")


def test_the_end_of_time_is_no_date(inferred: Infer) -> None:
    found = column(inferred, ["2026-01-02", "9999-12-31", "2026-01-03"], "valid_to")
    assert (found.type, "9999-12-31" in found.null_values) == ("date", True)


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        (["1.234,56", "12,5", "1.234.567,00"], (",", ".")),
        (["1 234,56", "12,5"], (",", " ")),
        (["0,5", "12,75"], (",", "")),
        (["1,234.56", "1,234,567.00"], (".", ",")),
        (["1'234.56", "0.5"], (".", "'")),
        (["1.5", "2.25"], (".", "")),
        (["1,234", "5,678"], (",", "")),
    ],
)
def test_decimal_mark_and_thousands(
    inferred: Infer, values: Sequence[str], marks: tuple[str, str]
) -> None:
    lines = "".join(f"{n};{value}\n" for n, value in enumerate(values))
    found = inferred(f"line;amount\n{lines}").contract
    assert (found.format.decimal_mark, found.format.thousands) == marks
    assert found.columns[1].type.startswith("decimal")


def test_thousands_between_commas_are_thousands(inferred: Infer) -> None:
    found = inferred('line,amount\n1,"1,234"\n2,"5,678"\n')
    assert (found.contract.format.thousands, found.types["amount"]) == (",", "bigint")
    assert "# decide: numbers: 1,234 may be" in found.text


def test_a_list_in_one_cell_changes_no_other_number(inferred: Infer) -> None:
    found = inferred('id,units\n1,2\n2,"2,2"\n3,0\n4,3\n')
    assert (found.contract.format.decimal_mark, found.types["units"]) == (".", "string")


def test_exponents_are_declared(inferred: Infer) -> None:
    whole = column(inferred, ["4.0128e+10", "7"])
    assert (whole.type, whole.scientific) == ("bigint", True)
    fraction = column(inferred, ["1.5e-05", "7.25"])
    assert (fraction.type, fraction.scientific) == ("decimal(18,6)", True)


def test_dust_of_binary_fractions_is_rounded_by_as_little_as_it_needs(inferred: Infer) -> None:
    found = column(inferred, ["4.440892e-16", "7.25"])
    assert (found.type, f"{found.round_within:f}") == ("decimal(18,2)", "0.000000000000001")


def test_an_outlier_is_shown(inferred: Infer) -> None:
    lines = "".join(f"{n};{n * 7}\n" for n in range(50))
    found = inferred(f"line;amount\n{lines}50;about 9\n")
    assert found.types["amount"] == "string"
    assert "# decide: a number but for 'about 9'" in found.text


def test_names_become_identifiers_and_keep_their_header(inferred: Infer) -> None:
    header = "ISO3166-1-Alpha-2;Straße;_7_d_click;dt;JE_Header_ Description;orderId;Größe %"
    found = inferred(f"{header}\na;b;1;2026-01-02;e;5;7\nb;c;2;2026-01-03;f;6;8\n")
    assert {c.name: c.header for c in found.contract.columns} == {
        "iso3166_1_alpha_2": "ISO3166-1-Alpha-2",
        "strasse": "Straße",
        "n_7_d_click": "_7_d_click",
        "source_dt": "dt",
        "je_header_description": "JE_Header_ Description",
        "order_id": "orderId",
        "grosse_percent": "Größe %",
    }


def test_names_that_become_alike_stay_apart(inferred: Infer) -> None:
    assert list(inferred("Id,id,ID\n1,2,a\n3,4,b\n").types) == ["id", "id_2", "id_3"]


def test_a_column_that_one_file_lacks_is_optional(tmp_path: Path) -> None:
    files = [tmp_path / "sales_2026-01-01.csv", tmp_path / "sales_2026-01-02.csv"]
    files[0].write_text("id,amount\n1,1.50\n")
    files[1].write_text("note,id,amount\nx,2,2.50\n")
    found = Inferred.of(files, today=TODAY)
    assert found.contract.feed.name == "sales"
    assert {c.name: c.optional for c in found.contract.columns} == {
        "id": False,
        "amount": False,
        "note": True,
    }
    assert found.rows() == [("1", "1.50", None), ("2", "2.50", "x")]
