"""One delivery with every bad value that a row can have: each is kept back by its rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
from feeds import Landed, Landing, contract_of, csv_of

from countinghouse.engine_session import open_session

DAY = "2026-03-10"
AT = "2026-03-10 09:00:00"

# By fault: what is written in one field of an otherwise good row, and the rule that it breaks.
BAD = {
    64: [('a,25,5.00,EUR,{at},"x"y', "row: broken quotes")],
    65: [
        ("a,23,5.00,EUR,{at}", "row: too few fields"),
        ("a,24,5.00,EUR,{at},x,y", "row: too many fields"),
    ],
    69: [
        ("a,1.5,5.00,EUR,{at},", "line: not a whole number"),
        ("a,0x10,5.00,EUR,{at},", "line: not a whole number"),
        ("a,one,5.00,EUR,{at},", "line: not a whole number"),
    ],
    72: [("a,26,5.00,EUR,{at},x\x00y", "row: NUL character")],
    74: [
        ("a,2147483648,5.00,EUR,{at},", "line: out of range"),
        ("a,9,1234567890123456.00,EUR,{at},", "amount: out of range"),
        ("a,27,-1000000000000000,EUR,{at},", "amount: out of range"),
        ("a,10,1.0001,EUR,{at},", "amount: more than 3 decimals"),
    ],
    76: [
        ('a,2,"1,234.56",EUR,{at},', "amount: not a decimal"),
        ('a,3,"1.234,56",EUR,{at},', "amount: not a decimal"),
        ("a,4,NaN,EUR,{at},", "amount: not a decimal"),
        ("a,5,Infinity,EUR,{at},", "amount: not a decimal"),
        ("a,6,1e308,EUR,{at},", "amount: not a decimal"),
        ("a,7,-0.00,EUR,{at},", "amount: negative zero"),
        ("a,8, 5.00,EUR,{at},", "amount: not a decimal"),
    ],
    77: [
        ("a,11,5.001,EUR,{at},", "amount: more decimals than its currency has"),
        ("a,12,5.5,JPY,{at},", "amount: more decimals than its currency has"),
        ("a,13,5.00,EURO,{at},", "currency: unknown"),
        ("a,14,5.00,,{at},", "currency: is null"),
    ],
    80: [
        (",1,5.00,EUR,{at},", "id: key is blank"),
        ("   ,1,5.00,EUR,{at},", "id: key is blank"),
        ("\u00a0\u2003,1,5.00,EUR,{at},", "id: key is blank"),
        ("a,,5.00,EUR,{at},", "line: key is blank"),
    ],
    88: [
        ("a,15,5.00,EUR,,", "sold_at: is null"),
        ("a,16,5.00,EUR,2026-02-30 10:00:00,", "sold_at: not a time"),
        ("a,17,5.00,EUR,1773133200000,", "sold_at: not a time"),
        ("a,18,5.00,EUR,0001-01-01 00:00:00,", "sold_at: not between 1900 and 2100"),
        ("a,19,5.00,EUR,9999-12-31 00:00:00,", "sold_at: not between 1900 and 2100"),
        ("a,20,5.00,EUR,1582-10-10 00:00:00,", "sold_at: not between 1900 and 2100"),
        ("a,21,5.00,EUR,2026-03-12 00:00:00,", "sold_at: in the future"),
        ("a,22,5.00,EUR,2026-02-07 23:59:59,", "sold_at: later than 30 days"),
    ],
}
GOOD = [
    "b,1,5.00,EUR,{at},",
    "b,2,-5,EUR,{at},",
    "b,3,5,JPY,{at},",
    "b,4,5.001,KWD,{at},",
    "b,5,.5,EUR,2026-03-10T09:00:00.123456Z,",
    "b,6,0.00,EUR,2026-03-10 09:00:00+05:30,",
    "b,7,,EUR,2026-03-11 23:59:59,",
    "b,8,5.00,EUR,2026-02-08 00:00:00,",
]
# Each at its place in the file.
WRONG = [(fault, text.format(at=AT), rule) for fault, of in BAD.items() for text, rule in of]


@dataclass(frozen=True)
class Judged:
    """One delivery with every bad value of the list, and some good ones."""

    landed: Landed

    @cached_property
    def bad(self) -> list[Any]:
        return self.landed.quarantine()

    def check(self, fault: int) -> None:
        """The rows of a fault, and only they, are kept back for their rule, text and all."""
        at = {n: (text, rule) for n, (of, text, rule) in enumerate(WRONG, 1) if of == fault}
        found = {row["_row_number"]: row for row in self.bad if row["_row_number"] in at}
        assert {n: row["_reason"] for n, row in found.items()} == {n: at[n][1] for n in at}
        for n, row in found.items():
            assert row["_raw"] == at[n][0].replace("\x00", "\\x00") + "\n"


@pytest.fixture(scope="module")
def judged(
    installation: Any, ledger: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Judged]:
    session = open_session(installation, name="judged")
    folder = tmp_path_factory.mktemp("judged")
    landing = Landing(installation, ledger, session, folder)
    lines = [*(text for _, text, _ in WRONG), *(text.format(at=AT) for text in GOOD)]
    yield Judged(landing.land(contract_of(folder, "till_judged"), {DAY: csv_of(*lines)}))
    session.stop()


def test_what_is_not_bad_lands_and_nothing_is_lost(judged: Judged) -> None:
    assert [row["line"] for row in judged.landed.raw()] == list(range(1, 9))
    assert sorted(row["_row_number"] for row in judged.bad) == list(range(1, len(WRONG) + 1))
    date = judged.landed.only
    assert not date.refused
    assert (date.rows_in, date.raw.rows) == (len(WRONG) + len(GOOD), len(GOOD))


def test_fault_64_broken_quotes_cost_their_own_line_only(judged: Judged) -> None:
    judged.check(64)


def test_fault_65_rows_with_too_few_or_too_many_columns_are_kept_back_as_they_came(
    judged: Judged,
) -> None:
    judged.check(65)


def test_fault_69_what_is_no_number_any_more_is_kept_back(judged: Judged) -> None:
    judged.check(69)


def test_fault_72_a_nul_byte_is_kept_back(judged: Judged) -> None:
    judged.check(72)


def test_fault_74_what_its_type_cannot_hold_is_kept_back_and_never_null(judged: Judged) -> None:
    judged.check(74)
    assert judged.landed.only.raw.money["amount EUR"] == 500 - 500 + 50 + 0 + 500


def test_fault_76_what_is_written_like_no_number_is_kept_back(judged: Judged) -> None:
    judged.check(76)


def test_fault_77_money_is_minor_units_of_a_known_currency_or_kept_back(judged: Judged) -> None:
    judged.check(77)
    money = judged.landed.only.raw.money
    assert {name: money[name] for name in ("amount JPY", "amount KWD")} == {
        "amount JPY": 5,
        "amount KWD": 5001,
    }


def test_fault_80_blank_keys_are_kept_back(judged: Judged) -> None:
    judged.check(80)


def test_fault_88_times_outside_of_the_calendar_are_kept_back(judged: Judged) -> None:
    judged.check(88)
