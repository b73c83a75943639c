"""What a contract must fulfil beyond its schema: the rules between its fields."""

import math
import re
import zoneinfo
from collections.abc import Iterator
from typing import NamedTuple

from countinghouse.contracts import date_patterns
from countinghouse.contracts.contract_model import Column, Contract
from countinghouse.contracts.yaml_lines import Path_
from countinghouse.currencies import EXPONENTS

# Scaling to minor units needs five digits beyond an amount's own.
MAX_MONEY_PRECISION = 30


class Complaint(NamedTuple):
    """Where in the declaration what is wrong, and what to do."""

    field: Path_
    message: str
    remedy: str


def complaints(contract: Contract) -> Iterator[Complaint]:
    """Everything that is wrong, in the order in which it should be mended."""
    yield from _format(contract)
    # NaN is neither below the minimum of the schema nor above its maximum.
    if math.isnan(contract.refuse_above):
        field = ("config", "meta", "landing", "refuse_above")
        yield Complaint(field, "is not a number", "give a share between 0 and 1")
    yield from _names(contract)
    yield from _references(contract)
    yield from _columns(contract)
    yield from _money(contract)
    yield from _zones(contract)
    yield from _business_date(contract)
    yield from _kind(contract)


def _format(contract: Contract) -> Iterator[Complaint]:
    place = ("config", "meta", "landing", "format")
    declared = contract.format
    if declared.delimiter == declared.quote:
        yield Complaint(place, "delimiter and quote are the same", "mend either")
    if declared.escape in (declared.delimiter, declared.quote) and declared.escape:
        yield Complaint(place, "escape is the delimiter or the quote", "mend either")
    if declared.escape and not declared.quote:
        yield Complaint(place, "escape without quote", "give the quote, or remove escape")
    if declared.decimal_mark == declared.thousands:
        yield Complaint(place, "decimal_mark and thousands are the same", "mend either")
    if not _is_text_encoding(declared.encoding):
        message = f"{declared.encoding!r} is no text encoding"
        yield Complaint((*place, "encoding"), message, "use a name that Python knows")
    if declared.records and declared.type != "json":
        yield Complaint((*place, "records"), "only a JSON document has it", "type: json")
    if declared.type != "csv":
        default = type(declared)()
        for name in ("delimiter", "quote", "escape", "header", "preamble", "trailer"):
            if getattr(declared, name) != getattr(default, name):
                yield Complaint((*place, name), f"{declared.type} has none", "remove it")
    if declared.trailer:
        yield from _trailer(contract, (*place, "trailer"))


def _trailer(contract: Contract, place: Path_) -> Iterator[Complaint]:
    assert contract.format.trailer
    try:
        groups = set(re.compile(contract.format.trailer.pattern).groupindex)
    except re.error as error:
        yield Complaint((*place, "pattern"), f"no regular expression: {error}", "mend it")
        return
    sums = {money.column for money in contract.money if money.currency}
    for name in sorted(groups - sums - {"rows"}):
        message = f"group {name} is neither rows nor a money column of one currency"
        yield Complaint((*place, "pattern"), message, "rename the group")


def _is_text_encoding(name: str) -> bool:
    try:
        "a".encode(name)
    # Also of codecs such as base64, which make bytes of bytes.
    except (LookupError, ValueError):
        return False
    return True


def _names(contract: Contract) -> Iterator[Complaint]:
    for what in ("name", "header"):
        seen: set[str] = set()
        for n, column in enumerate(contract.columns):
            if getattr(column, what) in seen:
                yield Complaint(("columns", n), f"{column.name} stands twice", "rename one")
            seen.add(getattr(column, what))


def _references(contract: Contract) -> Iterator[Complaint]:
    landing = ("config", "meta", "landing")
    known = {column.name for column in contract.columns}
    used: list[tuple[Path_, str]] = [(("keys",), name) for name in contract.keys]
    used += [(("money", name), name) for name in contract.amounts]
    used += [
        (("money", name), how["currency_column"])
        for name, how in contract.amounts.items()
        if "currency_column" in how
    ]
    if contract.version_column:
        used.append((("version_column",), contract.version_column))
    if contract.business_date.column:
        used.append((("business_date",), contract.business_date.column))
    if contract.changes:
        used.append((("changes", "position"), contract.changes.position))
        used.append((("changes", "operation"), contract.changes.operation))
    for field, name in used:
        if name not in known:
            yield Complaint((*landing, *field), f"no column {name}", "declare it")


def _columns(contract: Contract) -> Iterator[Complaint]:
    for n, column in enumerate(contract.columns):
        field = ("columns", n, "config", "meta")
        kind = column.parsed.name
        if column.name.startswith("_") or column.name == "dt":
            yield Complaint(("columns", n), "the name belongs to landing", "rename it")
        if column.treatment == "keep" and column.pii == "high":
            message = "what identifies a person is not kept as it came"
            yield Complaint(field, message, "treatment: hash, tokenise or drop; or pii: low")
        if column.treatment in ("hash", "tokenise") and kind != "string":
            message = f"only a string can be treated so: {column.treatment}"
            yield Complaint(field, message, "declare it as string")
        if column.treatment == "drop" and not _may_be_dropped(contract, column):
            message = "what is dropped is neither needed nor ever there"
            yield Complaint(field, message, "mend treatment, nullable or where it is used")
        if column.nested and (kind != "string" or contract.format.type == "csv"):
            yield Complaint(field, "only a string of JSON or Parquet is nested", "remove nested")
        if column.canonical and kind != "string":
            yield Complaint(field, f"{kind} is no text", "remove canonical")
        if column.format and kind not in ("date", "timestamp"):
            yield Complaint(field, f"a {kind} has no format", "remove it")
        if column.format and (problem := date_patterns.problem(column.format)):
            message = f"{column.format!r} {problem}"
            yield Complaint((*field, "format"), message, "write it as in yyyy-MM-dd HH:mm:ss")
        if column.optional and (not column.nullable or column.name in contract.keys):
            yield Complaint(field, "a column that may be absent is nullable", "mend either")
        if column.scientific and kind not in ("int", "bigint", "decimal"):
            yield Complaint(field, f"a {kind} has no exponent", "remove scientific")
        if column.round_within is not None and kind != "decimal":
            yield Complaint(field, f"a {kind} is not rounded", "remove round_within")


def _may_be_dropped(contract: Contract, column: Column) -> bool:
    used = {*contract.keys, contract.version_column, contract.business_date.column}
    used |= {name for money in contract.money for name in (money.column, money.currency_column)}
    return column.nullable and column.name not in used


def _money(contract: Contract) -> Iterator[Complaint]:
    for money in contract.money:
        field = ("config", "meta", "landing", "money", money.column)
        kind = contract.column(money.column).parsed
        if kind.name not in ("decimal", "bigint"):
            yield Complaint(field, f"money cannot be {kind.name}", "use decimal(18,2)")
        if kind.precision > MAX_MONEY_PRECISION:
            yield Complaint(field, "more digits than an amount has", "use decimal(18,2)")
        if contract.column(money.column).allowed or money.column in contract.keys:
            yield Complaint(field, "money is neither a key nor a code", "mend the column")
        if money.currency_column and contract.column(money.column).round_within is not None:
            yield Complaint(field, "only money of one currency is rounded", "remove either")
        if bool(money.currency) == bool(money.currency_column):
            yield Complaint(field, "needs currency or currency_column", "give one of them")
        if money.currency and money.currency not in EXPONENTS and money.exponent is None:
            yield Complaint(field, f"unknown currency {money.currency}", "give its exponent")


def _zones(contract: Contract) -> Iterator[Complaint]:
    declared = contract.business_date
    zones = [("business_date", declared.source_zone), ("business_date", declared.zone)]
    if contract.expected:
        zones.append(("expected", contract.expected.zone))
    for field, zone in zones:
        if not _known_zone(zone):
            place = ("config", "meta", "landing", field)
            yield Complaint(place, f"unknown time zone {zone}", "use an IANA name")


def _business_date(contract: Contract) -> Iterator[Complaint]:
    field = ("config", "meta", "landing", "business_date")
    declared = contract.business_date
    if contract.kind == "full_snapshot":
        if declared.column:
            yield Complaint(field, "a snapshot is of its delivery's date", "delivery: true")
    elif not declared.column:
        yield Complaint(field, f"a row of kind {contract.kind} has its own", "name its column")
    elif contract.column(declared.column).parsed.name not in ("date", "timestamp"):
        yield Complaint(field, f"{declared.column} is no date or timestamp", "mend its type")


def _kind(contract: Contract) -> Iterator[Complaint]:
    """What only one kind of feed has."""
    landing = ("config", "meta", "landing")
    owned = {
        "restates_days": ("restated_report", contract.restates_days is not None),
        "changes": ("change_log", contract.changes is not None),
    }
    for name, (kind, given) in owned.items():
        if given != (contract.kind == kind):
            message = f"{kind} and {name} belong together"
            yield Complaint((*landing, name), message, "give both, or none")
    if contract.keys_move and (contract.kind != "event" or contract.max_lateness_days is None):
        message = "keys move between the dates of events, within max_lateness_days"
        yield Complaint((*landing, "keys_move"), message, "give max_lateness_days, or remove it")
    if contract.changes:
        yield from _changes(contract, (*landing, "changes"))
    if contract.extract and contract.format.type != "json_lines":
        message = "what is extracted comes as JSON lines"
        yield Complaint((*landing, "extract"), message, "format: {type: json_lines}")


def _changes(contract: Contract, place: Path_) -> Iterator[Complaint]:
    assert contract.changes
    position = contract.column(contract.changes.position)
    if position.parsed.name != "bigint" or position.nullable:
        message = f"{position.name} is no bigint that is always there"
        yield Complaint((*place, "position"), message, "data_type: bigint, nullable: false")
    if contract.column(contract.changes.operation).nullable:
        message = "an operation is always there"
        yield Complaint((*place, "operation"), message, "nullable: false")
    if contract.version_column:
        yield Complaint(place, "the position is the version", "remove version_column")
    for first, last in contract.changes.known_missing:
        if first > last:
            message = f"[{first}, {last}] is reversed"
            yield Complaint((*place, "known_missing"), message, "give the smaller one first")


def _known_zone(zone: str) -> bool:
    try:
        zoneinfo.ZoneInfo(zone)
    # A directory of the database, such as Europe, is an OSError.
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    # Files beside the zones, which the engine does not know.
    return not zone.startswith(("right/", "posix")) and zone not in ("localtime", "Factory")
