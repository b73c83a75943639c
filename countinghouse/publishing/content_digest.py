"""The content digest of partitions: one definition, as SQL for the engine and in plain Python.

Rows are hashed as a canonical text of their business columns; a partition's digest is the number of
rows, the sum of the hashes and the sums of money. Order of rows and files does not matter to it.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal
from typing import Any, Protocol

from countinghouse.currencies import power_sql
from countinghouse.errors import BadName, CountinghouseError
from countinghouse.publishing.xxh64 import xxh64
from countinghouse.sql_types import Type, parse_type

# No text of a value starts with it: numbers and lengths start with a digit or a minus.
_NULL = "~;"
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")
# More digits than any DECIMAL has.
_EXACT = Context(prec=60)


class ColumnLike(Protocol):
    """Anything with a name and a SQL type."""

    @property
    def name(self) -> str:
        """Column name."""

    @property
    def type(self) -> str:
        """SQL type."""


class NotDigestible(CountinghouseError):
    """A column whose type has no exact text."""


@dataclass(frozen=True)
class PartitionDigest:
    """What a partition holds; `money` is minor units by `<column> <currency>`."""

    rows: int = 0
    hash_sum: int = 0
    money: Mapping[str, int] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The digest as one comparable text."""
        money = ",".join(f"{key}={self.money[key]}" for key in sorted(self.money))
        return f"{self.rows}:{self.hash_sum}:{money}"

    def __add__(self, other: "PartitionDigest") -> "PartitionDigest":
        return PartitionDigest(
            self.rows + other.rows, self.hash_sum + other.hash_sum, plus(self.money, other.money)
        )

    def of_sequence(self, seq: int) -> "PartitionDigest":
        """The same rows as delivery `seq` of a day: added up, they tell which delivery has what."""
        return replace(self, hash_sum=self.hash_sum * max(seq, 1))


EMPTY = PartitionDigest()


def plus(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    """Sum of two amounts of money by key."""
    return {key: left.get(key, 0) + right.get(key, 0) for key in sorted({*left, *right})}


@dataclass(frozen=True)
class Money:
    """An amount column with its currency: a constant, or another column.

    A BIGINT `<x>_minor` already counts minor units; a DECIMAL is scaled by its currency's exponent.
    """

    column: str
    type: str
    currency: str = ""
    currency_column: str = ""
    exponent: int | None = None

    @property
    def label(self) -> str:
        """Name of the amount, the same in raw (`x`) and above (`x_minor`)."""
        return self.column.removesuffix("_minor")

    @property
    def power(self) -> str:
        """SQL of the minor units in one unit of the currency; NULL where that is unknown."""
        if self.exponent is not None:
            return f"{10**self.exponent}BD"
        return power_sql(
            _quoted(self.currency_column) if self.currency_column else f"'{self.currency}'"
        )

    @property
    def minor(self) -> str:
        """SQL of the amount in minor units as BIGINT."""
        return self.minor_by(self.power)

    def minor_by(self, power: str) -> str:
        """The same, where the power has a name already."""
        column = _quoted(self.column)
        if parse_type(self.type).name in ("bigint", "int"):
            return column
        return f"cast({column} * {power} as bigint)"


def content_digest(columns: Sequence[ColumnLike]) -> str:
    """SQL of one row's 64-bit hash; `columns` are the business columns in their fixed order."""
    return f"xxhash64({row_text_sql(columns)})"


def row_text_sql(columns: Sequence[ColumnLike]) -> str:
    """SQL of one row's canonical text: no two different rows have the same."""
    texts = [_text_sql(_quoted(c.name), _digestible(c)) for c in columns]
    return f"concat({', '.join(texts)})"


def partition_digests(
    relation: Any,
    columns: Sequence[ColumnLike],
    money: Sequence[Money] = (),
    *,
    by: Sequence[str] = ("dt",),
) -> dict[Any, PartitionDigest]:
    """Digests of all partitions of a DataFrame in one query, keyed by `by` (a tuple if several)."""
    # Amounts of different currencies never meet in a sum, so currency columns group, too.
    currencies = list(dict.fromkeys(m.currency_column for m in money if m.currency_column))
    hashed = relation.selectExpr(
        *[_quoted(name) for name in dict.fromkeys([*by, *currencies])],
        f"{content_digest(columns)} as _hash",
        *[f"{m.minor} as _money_{n}" for n, m in enumerate(money)],
    )
    # Sums of the two halves are exact in BIGINT up to 2^31 rows, and much faster than DECIMAL.
    sums = [
        "count(*) as _rows",
        "sum(shiftright(_hash, 32)) as _high",
        "sum(_hash & 4294967295L) as _low",
        *[f"sum(_money_{n}) as _sum_{n}" for n in range(len(money))],
    ]
    keys = [_quoted(name) for name in dict.fromkeys([*by, *currencies])]
    grouped = _aggregated(hashed, keys, sums).collect()
    found: dict[Any, PartitionDigest] = {}
    for row in grouped:
        key = row[by[0]] if len(by) == 1 else tuple(row[name] for name in by)
        found[key] = found.get(key, EMPTY) + _digest_of(row, money)
    return found


def _aggregated(frame: Any, keys: Sequence[str], sums: Sequence[str]) -> Any:
    from pyspark.sql.connect import functions as F

    return frame.groupBy(*keys).agg(*[F.expr(text) for text in sums])


def _digest_of(row: Any, money: Sequence[Money]) -> PartitionDigest:
    sums: dict[str, int] = {}
    for n, amount in enumerate(money):
        if row[f"_sum_{n}"] is not None:
            currency = row[amount.currency_column] if amount.currency_column else amount.currency
            sums[f"{amount.label} {currency or '?'}"] = int(row[f"_sum_{n}"])
    return PartitionDigest(row["_rows"], (row["_high"] << 32) + row["_low"], sums)


def digest_rows(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[ColumnLike]
) -> PartitionDigest:
    """Digest of rows without an engine; the same definition, money left out."""
    hashes = [row_digest(row, columns) for row in rows]
    return PartitionDigest(len(hashes), sum(hashes))


def row_digest(row: Mapping[str, Any], columns: Sequence[ColumnLike]) -> int:
    """The 64-bit hash of one row of Python values."""
    return xxh64(row_text(row, columns).encode())


def row_text(row: Mapping[str, Any], columns: Sequence[ColumnLike]) -> str:
    """The canonical text of one row of Python values."""
    return "".join(_text(row[c.name], _digestible(c)) for c in columns)


def _quoted(name: str) -> str:
    if not _COLUMN.match(name):
        raise BadName(f"{name[:80]!r} is not a column name", remedy="use [a-z_][a-z0-9_]*")
    return f"`{name}`"


def _digestible(column: ColumnLike) -> Type:
    found = parse_type(column.type)
    if found.inexact:
        raise NotDigestible(
            f"column {column.name} is {column.type}: a sum of hashes needs exact values",
            remedy="declare it as DECIMAL, or as a string",
        )
    return found


def _text_sql(value: str, kind: Type) -> str:
    if kind.name == "string":
        return f"coalesce(concat(char_length({value}), ':', {value}), '{_NULL}')"
    return f"coalesce(concat({_plain_sql(value, kind)}, ';'), '{_NULL}')"


def _plain_sql(value: str, kind: Type, depth: int = 0) -> str:
    match kind.name:
        case "timestamp":
            return f"unix_micros({value})"
        case "timestamp_ntz":
            return f"unix_micros(cast({value} as timestamp))"
        case "binary":
            return f"hex({value})"
        case "array":
            item = f"x{depth}"
            return _joined_sql(value, value, item, [_nested_sql(item, kind.parts[0], depth)])
        case "map":
            key = f"k{depth}"
            texts = [
                _nested_sql(key, kind.parts[0], depth),
                _nested_sql(f"{value}[{key}]", kind.parts[1], depth),
            ]
            return _joined_sql(value, f"array_sort(map_keys({value}))", key, texts)
        case "struct":
            fields = zip(kind.fields, kind.parts, strict=True)
            texts = [_nested_sql(f"{value}.`{name}`", part, depth) for name, part in fields]
            return f"if({value} is null, null, concat({', '.join(texts)}))"
    return f"cast({value} as string)"


def _nested_sql(value: str, kind: Type, depth: int) -> str:
    if kind.name == "string":
        return _text_sql(value, kind)
    return f"coalesce(concat({_plain_sql(value, kind, depth + 1)}, ';'), '{_NULL}')"


def _joined_sql(value: str, items: str, item: str, texts: Sequence[str]) -> str:
    each = f"transform({items}, {item} -> concat({', '.join(texts)}))"
    return f"concat(size({value}), ':', array_join({each}, ''))"


def _text(value: Any, kind: Type) -> str:
    if value is None:
        return _NULL
    if kind.name == "string":
        return f"{len(value)}:{value}"
    return f"{_plain(value, kind)};"


def _plain(value: Any, kind: Type) -> str:
    match kind.name:
        case "timestamp" | "timestamp_ntz":
            return str(_micros(value))
        case "decimal":
            return f"{_EXACT.quantize(Decimal(value), Decimal(1).scaleb(-kind.scale)):f}"
        case "boolean":
            return "true" if value else "false"
        case "binary":
            return bytes(value).hex().upper()
        case "array":
            return f"{len(value)}:" + "".join(_text(item, kind.parts[0]) for item in value)
        case "map":
            items = sorted(value.items())
            texts = (_text(k, kind.parts[0]) + _text(v, kind.parts[1]) for k, v in items)
            return f"{len(value)}:" + "".join(texts)
        case "struct":
            fields = zip(kind.fields, kind.parts, strict=True)
            return "".join(_text(value[name], part) for name, part in fields)
    return str(value)


def _micros(value: dt.datetime) -> int:
    instant = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
    return (instant - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
