"""An independent count of a file: records and money, found without the reader of its rows.

The format counts by means that share as little as possible with the reader; amounts are read here
in Python and there in SQL.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal

from countinghouse.contracts import Column, Contract
from countinghouse.currencies import EXPONENTS
from countinghouse.landing import numbers
from countinghouse.landing.formats import format_of
from countinghouse.landing.formats.shape import Fields, FileShape, Layout, SourceFile
from countinghouse.landing.formats.text import FileBroken, canonical_key
from countinghouse.publishing.content_digest import plus

_EXACT = Context(prec=120, rounding=ROUND_HALF_UP)
_PLAIN = re.compile(r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)\Z")
_SCIENTIFIC = re.compile(r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?\Z")
_NEGATIVE_ZERO = re.compile(r"-0*[.]?0*\Z")
_WHOLE = re.compile(r"[+-]?[0-9]+([.]0*)?\Z")


@dataclass
class Tally:
    """Records of a file without its header, and the sums of the money that can be read."""

    records: int = 0
    money: dict[str, int] = field(default_factory=dict)
    # Records in which an amount cannot be read.
    unreadable: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.records + other.records,
            plus(self.money, other.money),
            self.unreadable + other.unreadable,
        )


def tally(file: SourceFile, contract: Contract, layout: Layout) -> Tally:
    """Count a file; FileBroken if it cannot be read to its end or contradicts its own trailer."""
    shape = FileShape.of(contract)
    amounts = [_Amount(contract, layout, money.column) for money in contract.money]
    found = Tally()
    counted = format_of(shape).count(file, shape, layout)
    for fields in counted:
        found.records += 1
        if amounts:
            found.unreadable += not _add_money(found.money, fields, amounts)
    _follow_trailer(counted.announced, found, amounts)
    return found


def _add_money(money: dict[str, int], fields: Fields | None, amounts: Sequence["_Amount"]) -> bool:
    """Add what a record's amounts are; False if one of them cannot be read."""
    if fields is None:
        return False
    complete = True
    for amount in amounts:
        label, minor = amount.read(fields)
        if minor is None:
            complete = False
        elif label:
            money[label] = money.get(label, 0) + minor
    return complete


def _follow_trailer(
    announced: Mapping[str, str], found: Tally, amounts: Sequence["_Amount"]
) -> None:
    for name, text in announced.items():
        if name == "rows":
            if not text.isdecimal() or int(text) != found.records:
                raise FileBroken(f"trailer: {text!r} records announced, {found.records} came")
            continue
        amount = next(amount for amount in amounts if amount.column == name)
        came, said = amount.total(found.money), amount.announced(text)
        # An amount that cannot be read is a bad row, within the budget; the sum is then unknown.
        if said != came and not found.unreadable:
            raise FileBroken(f"trailer: {name} {text!r} announced, {came} minor units came")


class _Amount:
    """Reads one money column out of the fields of a record."""

    def __init__(self, contract: Contract, layout: Layout, column: str) -> None:
        money = next(money for money in contract.money if money.column == column)
        self.column = column
        self._label = money.label
        self._column = contract.column(column)
        self._plain = numbers.plain(contract.format) if self._is_foreign(contract) else str
        self._field = _field_of(contract, layout, column)
        self._currency = money.currency
        self._exponent = money.exponent
        self._currency_field = -1
        self._currency_nulls: tuple[str, ...] = ()
        self._currency_is_canonical = False
        if money.currency_column:
            self._currency_field = _field_of(contract, layout, money.currency_column)
            named = contract.column(money.currency_column)
            self._currency_nulls = named.null_values
            self._currency_is_canonical = contract.is_canonical(named)
        # The same amounts come again and again; reading each once makes the count cheap.
        self._known: dict[tuple[str, str], int | None] = {}

    def _is_foreign(self, contract: Contract) -> bool:
        return numbers.is_foreign(contract.format, self._column)

    def total(self, money: Mapping[str, int]) -> int:
        """Of the one currency that it has."""
        return money.get(f"{self._label} {self._currency}", 0)

    def announced(self, text: str) -> Decimal | None:
        """A control total in minor units, written as the amounts are or in plain notation."""
        exponent = EXPONENTS.get(self._currency) if self._exponent is None else self._exponent
        whole = self._column.parsed.name == "bigint"
        for written in (self._plain(text), text):
            if _PLAIN.match(written) and exponent is not None:
                return _EXACT.create_decimal(written).scaleb(0 if whole else exponent, _EXACT)
        return None

    def read(self, fields: Fields) -> tuple[str, int | None]:
        """Label and minor units of the amount in a record; no label if there is no amount."""
        text = fields[self._field] if self._field >= 0 else None
        if text is None or text in self._column.null_values:
            return "", 0
        currency = self._currency
        if self._currency_field >= 0:
            # One that is absent is unknown, as an empty one is.
            currency = fields[self._currency_field] or ""
            currency = canonical_key(currency) if self._currency_is_canonical else currency
        if (text, currency) not in self._known:
            self._known[text, currency] = self._minor(self._plain(text), currency)
        return f"{self._label} {currency}", self._known[text, currency]

    def _minor(self, text: str, currency: str) -> int | None:
        exponent = EXPONENTS.get(currency) if self._exponent is None else self._exponent
        if exponent is None or currency in self._currency_nulls:
            return None
        return minor_units(text, self._column, exponent)


def _field_of(contract: Contract, layout: Layout, column: str) -> int:
    names = [declared.name for declared in contract.columns]
    return layout.fields[names.index(column)]


def minor_units(text: str, column: Column, exponent: int) -> int | None:
    """An amount as landing reads it, in minor units; None if landing would not take it."""
    kind = column.parsed
    if kind.name == "bigint":
        return _whole_minor_units(text, column)
    exponents = column.scientific or column.round_within is not None
    if not (_SCIENTIFIC if exponents else _PLAIN).match(text) or _NEGATIVE_ZERO.match(text):
        return None
    exact = _EXACT.create_decimal(text)
    limit = Decimal(10) ** (kind.precision - kind.scale)
    # Before it is quantized, which would need more digits than there are.
    if abs(exact) >= limit:
        return None
    places = min(kind.scale, exponent)
    amount = _EXACT.quantize(exact, Decimal(1).scaleb(-places))
    if amount != exact and abs(amount - exact) > (column.round_within or 0):
        return None
    if abs(amount) >= limit:
        return None
    return int(amount.scaleb(exponent, _EXACT))


def _whole_minor_units(text: str, column: Column) -> int | None:
    if not (_SCIENTIFIC if column.scientific else _WHOLE).match(text):
        return None
    number = _EXACT.create_decimal(text)
    fits = number == number.to_integral_value() and -(2**63) <= number < 2**63
    return int(number) if fits else None
