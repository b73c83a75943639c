"""Real files, damaged in every way that a source has: what lands, what is kept back, and why.

Each variant is a delivery of its own, and all of a feed land in one pass. Of every one: records
that came = rows landed + rows quarantined, or the delivery is refused and nothing of it lands.
"""

import gzip
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import cut_deliveries
import pytest
from feeds import Landed, Landing

from countinghouse.contracts import Contract, load_contracts
from countinghouse.engine_session import open_session
from countinghouse.names import plus_days
from countinghouse.publishing.content_digest import plus

pytestmark = pytest.mark.skipif(not cut_deliveries.present(), reason=cut_deliveries.MISSING)

ROWS = 200
FIRST = "2017-01-20"


@dataclass(frozen=True)
class Variant:
    """A damage, and what becomes of the file: a refusal, or so many landed and bad rows."""

    name: str
    damage: Callable[[list[str]], bytes | str]
    refused: str = ""
    landed: int = ROWS
    bad: dict[str, int] = field(default_factory=dict)

    @property
    def came(self) -> int:
        return self.landed + sum(self.bad.values())


def text_of(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


def with_line(n: int, change: Callable[[str], str], lines: list[str]) -> str:
    """One line changed; the header is line 0."""
    return text_of([change(line) if at == n else line for at, line in enumerate(lines)])


def with_field(n: int, column: int, value: str, lines: list[str]) -> str:
    def change(line: str) -> str:
        fields = line.split(",")
        fields[column] = value
        return ",".join(fields)

    return with_line(n, change, lines)


def with_header(old: str, new: str, lines: list[str]) -> str:
    return with_line(0, lambda line: line.replace(old, new), lines)


def reordered(lines: list[str]) -> str:
    return text_of([",".join(reversed(line.split(","))) for line in lines])


def values_swapped(lines: list[str]) -> str:
    """The first and the last value of every row, under an unchanged header."""

    def swapped(line: str) -> str:
        fields = line.split(",")
        return ",".join([fields[-1], *fields[1:-1], fields[0]])

    return text_of([lines[0], *map(swapped, lines[1:])])


def decimal_commas(lines: list[str]) -> str:
    def changed(line: str) -> str:
        return ",".join(f'"{f.replace(".", ",")}"' if "." in f else f for f in line.split(","))

    return text_of([lines[0], *map(changed, lines[1:])])


def german_dates(lines: list[str]) -> str:
    pattern = r"(\d{4})-(\d\d)-(\d\d) "
    return text_of([re.sub(pattern, r"\3.\2.\1 ", line) for line in lines])


def quoted(lines: list[str]) -> str:
    return text_of(['"' + line.replace(",", '","') + '"' for line in lines])


def no_text(lines: list[str]) -> bytes:
    return with_field(5, 1, "3#9", lines).encode().replace(b"#", b"\xff")


def zip_of(lines: list[str]) -> bytes:
    archive = io.BytesIO()
    half = 1 + ROWS // 2
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr("a.csv", text_of(lines[:half]))
        files.writestr("b.csv", text_of([lines[0], *lines[half:]]))
    return archive.getvalue()


def gzip_of(lines: list[str]) -> bytes:
    return gzip.compress(text_of(lines).encode(), mtime=0)


def conflicting(lines: list[str]) -> str:
    fields = lines[1].split(",")
    fields[5] = "999.99"
    return text_of([*lines, ",".join(fields)])


WHOLE = "household_id: not a whole number"
TILL = [
    Variant("as it came", text_of),
    Variant("CRLF line ends", lambda lines: text_of(lines).replace("\n", "\r\n")),
    Variant("no line end at the end", lambda lines: text_of(lines)[:-1]),
    Variant("mark of UTF-8", lambda lines: text_of(lines).encode("utf-8-sig")),
    Variant("gzip", gzip_of),
    Variant("zip of two files", zip_of),
    Variant("columns in another order", reordered),
    Variant("an empty column at the end", lambda ls: text_of([f"{line}," for line in ls])),
    Variant("a new column", lambda ls: text_of([f"{line},{n}" for n, line in enumerate(ls)])),
    Variant("every field quoted", quoted),
    Variant("blank lines", lambda lines: text_of(lines).replace("\n", "\n\n")),
    Variant("the whole file twice", lambda ls: text_of([*ls, *ls[1:]]), landed=2 * ROWS),
    Variant("only a header", lambda lines: lines[0], landed=0),
    Variant("UTF-16", lambda ls: text_of(ls).encode("utf-16"), "mark of utf-16, declared is utf-8"),
    Variant("UTF-16 without mark", lambda ls: text_of(ls).encode("utf-16-le"), "header: row: NUL"),
    Variant("nothing at all", lambda lines: b"", "the file is empty"),
    Variant("gzip cut off", lambda lines: gzip_of(lines)[:-200], "gzip: "),
    Variant("gzip of a gzip", lambda lines: gzip.compress(gzip_of(lines)), "header: row: "),
    Variant("zip cut off", lambda lines: zip_of(lines)[:-40], "zip: "),
    Variant(
        "junk before the header", lambda ls: text_of(["Report", *ls]), "no column 'household_id'"
    ),
    Variant("no header", lambda ls: text_of(ls[1:]), "header: "),
    Variant(
        "another delimiter", lambda ls: text_of(ls).replace(",", ";"), "no column 'household_id'"
    ),
    Variant("a column twice", partial(with_header, "week", "store_id"), "'store_id' stands twice"),
    Variant("a column without name", partial(with_header, "week", ""), "column 10 has no name"),
    Variant("a column renamed", partial(with_header, "quantity", "qty"), "no column 'quantity'"),
    Variant("another case", partial(with_header, "store_id", "Store_ID"), "no column 'store_id'"),
    Variant(
        "a quote left open",
        partial(with_field, 9, 1, '"309'),
        landed=ROWS - 1,
        bad={"row: broken quotes": 1},
    ),
    Variant(
        "text behind a quote",
        partial(with_field, 9, 1, '"3"09'),
        landed=ROWS - 1,
        bad={"row: broken quotes": 1},
    ),
    Variant(
        "the last line cut off",
        lambda ls: text_of(ls)[:-40],
        landed=ROWS - 1,
        bad={"row: too few fields": 1},
    ),
    Variant(
        "a short row",
        partial(with_line, 7, lambda s: s.rpartition(",")[0]),
        landed=ROWS - 1,
        bad={"row: too few fields": 1},
    ),
    Variant(
        "a long row",
        partial(with_line, 7, lambda s: s + ",x"),
        landed=ROWS - 1,
        bad={"row: too many fields": 1},
    ),
    Variant(
        "the header again in the middle",
        lambda ls: text_of([*ls[:99], ls[0], *ls[99:]]),
        bad={WHOLE: 1},
    ),
    Variant(
        "a summary at the end",
        lambda ls: text_of([*ls, f"{ROWS} rows"]),
        bad={"row: too few fields": 1},
    ),
    Variant(
        "bytes that are no text", no_text, landed=ROWS - 1, bad={"row: bytes that are not text": 1}
    ),
    Variant(
        "a NUL", partial(with_field, 5, 1, "3\x009"), landed=ROWS - 1, bad={"row: NUL character": 1}
    ),
    Variant("values of two columns swapped", values_swapped, landed=0, bad={WHOLE: ROWS}),
    Variant("decimal commas", decimal_commas, landed=0, bad={"quantity: not a decimal": ROWS}),
    Variant(
        "another pattern of dates",
        german_dates,
        landed=0,
        bad={"transaction_timestamp: not a time": ROWS},
    ),
    Variant(
        "no number",
        partial(with_field, 5, 5, "NaN"),
        landed=ROWS - 1,
        bad={"sales_value: not a decimal": 1},
    ),
    Variant(
        "a key left out",
        partial(with_field, 5, 2, ""),
        landed=ROWS - 1,
        bad={"basket_id: key is blank": 1},
    ),
    Variant(
        "one key twice, with other values",
        conflicting,
        landed=ROWS - 1,
        bad={"keys: conflicting copies": 2},
    ),
]


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """Header and rows of a real file: those of a few days, each key once."""
    header, days = cut_deliveries.transactions()
    near = [row for day, rows in days.items() if "2017-01-10" <= day <= FIRST for row in rows]
    keys = {(row[2], row[3]): ",".join(row) for row in near}
    assert len(keys) > ROWS
    return [",".join(header), *[*keys.values()][:ROWS]]


@pytest.fixture(scope="module")
def contract() -> Contract:
    """That of the tills; a delivery is not refused for its share of bad rows, nor as late."""
    declared = load_contracts(cut_deliveries.PROJECT)["completejourney.transactions"]
    return declared.model_copy(update={"refuse_above": 1, "max_lateness_days": 100, "files": "*"})


@pytest.fixture(scope="module")
def damaged(
    installation: Any,
    ledger: Any,
    lines: list[str],
    contract: Contract,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Landed]:
    """All variants, landed in one pass."""
    session = open_session(installation, name="damaged")
    landing = Landing(installation, ledger, session, tmp_path_factory.mktemp("damaged"))
    yield landing.land(contract, {day(v): v.damage(lines) for v in TILL})
    session.stop()


def day(variant: Variant) -> str:
    return plus_days(FIRST, TILL.index(variant))


@pytest.mark.parametrize("variant", TILL, ids=lambda variant: variant.name)
def test_every_record_of_a_damaged_file_is_accounted_for(damaged: Landed, variant: Variant) -> None:
    date = damaged.batch.dates[day(variant)]
    told = " ".join(refusal.reason for refusal in date.refusals)
    if variant.refused:
        assert variant.refused in told
        assert not (damaged.root / damaged.contract.feed.raw / f"dt={date.dt}").exists()
        return
    assert told == ""
    assert date.quarantined == variant.bad
    assert date.raw.rows == variant.landed
    assert date.rows_in == variant.came
    assert date.money_in == plus(date.raw.money, date.money_quarantined)


def test_the_damages_are_many() -> None:
    assert len(TILL) >= 2 * 20
    assert sum(bool(v.refused) for v in TILL) >= 10
    assert sum(bool(v.bad) for v in TILL) >= 10


def test_what_is_landed_is_what_came_undamaged(damaged: Landed) -> None:
    whole = damaged.batch.dates[day(TILL[0])].raw
    harmless = [v for v in TILL if not v.refused and not v.bad and v.landed == ROWS]
    assert len(harmless) > 8
    for variant in harmless:
        # The business columns are the same; a new column is content beside them.
        found = damaged.batch.dates[day(variant)]
        assert sum(s.hash_sum for s in found.slices.values()) == sum(
            s.hash_sum for s in damaged.batch.dates[day(TILL[0])].slices.values()
        ), variant.name
    assert whole.rows == ROWS
