"""Whatever dialect a table of typed columns is written in, the inferred contract reads it back."""

import csv
import datetime as dt
import io
import re
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis
from conftest import TODAY
from hypothesis import strategies as st
from inferred import Inferred

from countinghouse.inference.instants_seen import patterns

_WORDS = st.text(
    st.sampled_from("abcdefghij klmnop,;|\t\"'\\äöüéñ-/:.\n"), min_size=1, max_size=12
).filter(lambda text: any(c.isalpha() for c in text) and text == text.strip())
_DAYS = st.dates(dt.date(1990, 1, 1), dt.date(2026, 6, 30))
_COLUMNS: dict[str, st.SearchStrategy[str]] = {
    "bigint": st.integers(-(2**63), 2**63 - 1).map(str),
    "decimal": st.decimals(-(10**12), 10**12, places=2)
    .filter(lambda number: number or not number.is_signed())
    .map("{:f}".format),
    "date": _DAYS.map(dt.date.isoformat),
    "german": _DAYS.map(lambda day: f"{day:%d.%m.%Y}"),
    "timestamp": st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2026, 6, 30)).map(
        lambda at: at.isoformat(sep=" ", timespec="seconds")
    ),
    "string": _WORDS,
}  # fmt: skip
_TYPES = {"german": "date"}


@st.composite
def dialects(draw: st.DrawFn) -> dict[str, Any]:
    """Arguments of csv.writer; what cannot be escaped is quoted."""
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    escapes = draw(st.booleans())
    return {
        "delimiter": draw(st.sampled_from(",;\t|")),
        "lineterminator": draw(st.sampled_from(["\n", "\r\n"])),
        "quoting": quoting,
        "doublequote": not escapes,
        "escapechar": "\\" if escapes else None,
    }


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, ...]]]:
    """Kinds of the columns, and rows of texts; the first column is a number of the row."""
    kinds = draw(st.lists(st.sampled_from(sorted(_COLUMNS)), min_size=2, max_size=5))
    count = draw(st.integers(3, 12))
    columns = [draw(st.lists(_COLUMNS[k], min_size=count, max_size=count)) for k in kinds]
    return kinds, list(zip(*columns, strict=True))


def _looks_escaped(rows: list[tuple[str, ...]]) -> bool:
    return any(re.search(r"\\[\\\"]", text) for row in rows for text in row)


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(tables(), dialects(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_what_was_written_is_read_back(
    table: tuple[list[str], list[tuple[str, ...]]], dialect: dict[str, Any], encoding: str
) -> None:
    kinds, rows = table
    # Without an escape these would look like one.
    hypothesis.assume(dialect["escapechar"] or not _looks_escaped(rows))
    numbered = [(str(n), *row) for n, row in enumerate(rows, 1)]
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, **dialect)
    writer.writerow(["row_id", *(f"{kind}_column_{n}" for n, kind in enumerate(kinds))])
    writer.writerows(numbered)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(stream.getvalue().encode(encoding))
        found = Inferred.of([path], today=TODAY)
        assert found.rows() == numbered
    assert found.expected_bad == 0
    for kind, (name, declared) in zip(kinds, list(found.types.items())[1:], strict=True):
        expected = _TYPES.get(kind, kind)
        assert declared.startswith(expected), (name, declared)


@hypothesis.given(_DAYS, st.sampled_from(["%d.%m.%Y", "%Y-%m-%d", "%m/%d/%Y", "%d-%b-%Y"]))
def test_every_day_is_read_by_its_pattern(day: dt.date, form: str) -> None:
    letters = {"%d": "dd", "%m": "MM", "%Y": "yyyy", "%b": "MMM"}
    pattern = re.sub(r"%[dmYb]", lambda run: letters[run[0]], form)
    found = [p.pattern or "yyyy-MM-dd" for p in patterns(day.strftime(form))]
    assert pattern in found


@hypothesis.given(st.decimals(-(10**15), 10**15, places=4), st.sampled_from([",.", ".,", ", "]))
def test_a_number_is_one_in_its_notation(number: Decimal, marks: str) -> None:
    from countinghouse.inference.numbers_seen import Notation, Numbers

    mark, between = marks
    text = f"{number:,.4f}".translate(str.maketrans({",": between, ".": mark}))
    numbers = Numbers(Notation(mark, between))
    assert numbers.take(text)
    assert numbers.least == number
