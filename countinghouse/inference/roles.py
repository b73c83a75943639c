"""The columns that have a part in the feed: key, business date, money."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from countinghouse.contracts.contract_checks import MAX_MONEY_PRECISION
from countinghouse.currencies import EXPONENTS
from countinghouse.inference import meanings
from countinghouse.inference.keys import Candidate
from countinghouse.inference.typed_columns import TypedColumn
from countinghouse.sql_types import parse_type

_LONG_TEXT = 64
# Currencies whose codes are words.
_WORDS = {"ALL", "TOP", "TRY", "CUP", "PEN", "GEL", "SOS"}
_FIRST_NAMES = ("date", "day", "timestamp", "datetime", "time")


@dataclass(frozen=True)
class Amount:
    """A column of money, with its currency; `why_not` if landing it as money would cost rows."""

    column: TypedColumn
    currency_column: str = ""
    currency: str = ""
    why_not: str = ""


def key_candidates(columns: Sequence[TypedColumn]) -> list[Candidate]:
    """Columns that may be in a key: always there, and no amounts."""
    return [
        Candidate(n, _key_cost(column, first=n == 0), column.type in ("date", "timestamp"))
        for n, column in enumerate(columns)
        if column.complete and not column.is_fraction and not column.meta.get("round_within")
    ]


def _key_cost(column: TypedColumn, *, first: bool) -> float:
    name = column.name
    if column.meta.get("nested") or column.private:
        return 8
    if _is_row_number(column):
        return 2.5
    if meanings.identifier(name):
        return 0.9 if name == "id" or (first and column.type != "boolean") else 1
    if column.type in ("date", "timestamp"):
        return 4 if meanings.technical(name) else 1.5
    if meanings.place(name) and column.type == "bigint":
        return 1.6
    if column.type == "string":
        return 5 if column.profile.longest > _LONG_TEXT else 2
    return 8


def _is_row_number(column: TypedColumn) -> bool:
    """Whether it counts the rows of the file, which says nothing about what a row is."""
    numbers, rows = column.numbers, column.profile.rows
    if (
        column.type != "bigint"
        or numbers is None
        or numbers.least is None
        or meanings.identifier(column.name)
    ):
        return False
    first, last = numbers.least, numbers.greatest
    return first in (0, 1) and last == first + rows - 1 and rows > 1


def business_date(columns: Sequence[TypedColumn], today: dt.date) -> TypedColumn | None:
    """The likeliest day on which what a row says happened; None if no column tells it."""
    found = [
        (_date_rank(column), n)
        for n, column in enumerate(columns)
        if column.type in ("date", "timestamp")
        and column.complete
        and not column.private
        and not meanings.technical(column.name)
        and _last_day(column) <= today
    ]
    return columns[min(found)[1]] if found else None


def _date_rank(column: TypedColumn) -> int:
    if column.name in _FIRST_NAMES:
        return 0
    if not meanings.date(column.name):
        return 3
    return 2 if meanings.change(column.name) else 1


def _last_day(column: TypedColumn) -> dt.date:
    """The greatest day that was seen."""
    last = column.profile.last_time
    if not column.meta.get("format"):
        return dt.date.fromisoformat(last[:10])
    return column.profile.last_day


def amounts(columns: Sequence[TypedColumn]) -> list[Amount]:
    """Columns that are money by their name, each with the currency that it has by its row."""
    currencies = [column for column in columns if _is_currency(column)]
    return [
        _amount(column, currencies)
        for column in columns
        if column.numbers is not None and meanings.money(column.name)
    ]


def _is_currency(column: TypedColumn) -> bool:
    known, longest = column.profile.distinct, column.profile.longest
    return column.type == "string" and longest == 3 and known <= EXPONENTS.keys()


def _amount(column: TypedColumn, currencies: Sequence[TypedColumn]) -> Amount:
    code = column.name.rpartition("_")[2].upper()
    partner = max(currencies, key=lambda other: _common(column.name, other.name), default=None)
    if code in EXPONENTS and code not in _WORDS:
        return Amount(column, currency=code, why_not=_why_not(column, {code}))
    if partner is None:
        return Amount(column, why_not="no column tells the currency")
    why = "" if partner.complete else f"{partner.name} is sometimes empty"
    return Amount(column, partner.name, why_not=why or _why_not(column, partner.profile.distinct))


def _common(name: str, other: str) -> int:
    parts, others = name.split("_"), other.split("_")
    return next(
        (n for n, (a, b) in enumerate(zip(parts, others, strict=False)) if a != b),
        min(len(parts), len(others)),
    )


def _why_not(column: TypedColumn, currencies: set[str]) -> str:
    """Why rows would be quarantined, or misread, if the column were declared as money."""
    numbers = column.numbers
    assert numbers is not None
    if column.type == "bigint":
        return "whole numbers may be units or minor units"
    if parse_type(column.type).precision > MAX_MONEY_PRECISION or numbers.tiny:
        return "more digits than an amount has"
    least = min(EXPONENTS[currency] for currency in currencies)
    places = max(numbers.places, numbers.exponent_places)
    return f"{places} decimals, more than the currency has" if places > least else ""
