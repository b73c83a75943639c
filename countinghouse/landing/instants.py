"""Dates and instants from text, as SQL. A local time that is none, or two, is a bad row."""

import re

from countinghouse.contracts import BusinessDate, Column

FIRST_YEAR, LAST_YEAR = 1900, 2100
_DATE = r"r'^[0-9]{4}-[0-9]{2}-[0-9]{2}\z'"
_CLOCK = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?"
_OFFSET = r"(Z|[+-][0-9]{2}:[0-9]{2})"
# How far clocks have been put back at once, in minutes; see the tz database.
_PUT_BACK = (20, 30, 40, 60, 120, 180)
_ZONE_LETTER = re.compile(r"[VzOXxZ]")

Rules = list[tuple[str, str]]


def date(column: Column, text: str) -> tuple[str, Rules]:
    """SQL of a date, and the rules that it may break."""
    if column.format:
        value = f"cast(try_to_timestamp({text}, '{_checked(column.format)}') as date)"
        return value, [(f"{value} is null", "not a date"), _out_of_range(value)]
    value = f"try_cast({text} as date)"
    wrong = f"{text} not rlike {_DATE} or {value} is null"
    return value, [(wrong, "not a date"), _out_of_range(value)]


def timestamp(column: Column, text: str, source_zone: str) -> tuple[str, Rules]:
    """SQL of an instant; a time without offset is local in `source_zone`."""
    if column.format:
        parsed = f"try_to_timestamp({text}, '{_checked(column.format)}')"
        if _ZONE_LETTER.search(re.sub(r"'[^']*'", "", column.format)):
            return parsed, [(f"{parsed} is null", "not a time"), _out_of_range(parsed)]
        rules = [(f"{parsed} is null", "not a time"), _out_of_range(parsed)]
        value, local_rules = _instant(parsed, source_zone)
        return value, rules + local_rules
    has_offset = rf"{text} rlike r'{_OFFSET}\z'"
    local = f"cast(try_cast({text} as timestamp_ntz) as timestamp)"
    value, local_rules = _instant(local, source_zone)
    value = f"case when {has_offset} then try_cast({text} as timestamp) else {value} end"
    wrong = rf"{text} not rlike r'^{_CLOCK}{_OFFSET}?\z' or {value} is null"
    rules = [(wrong, "not a time"), _out_of_range(value)]
    return value, rules + [(f"not {has_offset} and {rule}", name) for rule, name in local_rules]


def business_date(contract_date: BusinessDate, kind: str) -> str:
    """SQL of the business date as text, from the typed column or the delivery's date."""
    if not contract_date.column:
        return "dt"
    column = f"`{contract_date.column}`"
    if kind == "timestamp":
        column = f"cast(from_utc_timestamp({column}, '{contract_date.zone}') as date)"
    return f"cast({column} as string)"


def date_rules(
    contract_date: BusinessDate, max_lateness_days: int | None, restates_days: int | None = None
) -> Rules:
    """Rules on `_business_date` against the delivery's date `dt`."""
    if not contract_date.column:
        return []
    day = "cast(dt as date)"
    rules = [(f"_business_date > cast(date_add({day}, 1) as string)", "in the future")]
    if max_lateness_days is not None:
        late = f"_business_date < cast(date_sub({day}, {max_lateness_days}) as string)"
        rules.append((late, f"later than {max_lateness_days} days"))
    if restates_days is not None:
        before = f"_business_date < cast(date_sub({day}, {restates_days}) as string)"
        rules.append((before, f"before the {restates_days} days that a delivery restates"))
    return rules


def _instant(local: str, zone: str) -> tuple[str, Rules]:
    """`local` is the clock's reading, held as if it were UTC."""
    if zone == "UTC":
        return local, []
    value = f"to_utc_timestamp({local}, '{zone}')"
    missing = f"from_utc_timestamp({value}, '{zone}') <> {local}"
    # The engine takes one of the two instants that show the same time; look for the other.
    twice = " or ".join(
        f"from_utc_timestamp({value} {sign} interval {minutes} minutes, '{zone}') = {local}"
        for minutes in _PUT_BACK
        for sign in "+-"
    )
    return value, [
        (f"{missing}", "local time does not exist"),
        (f"({twice})", "local time is ambiguous"),
    ]


def _out_of_range(value: str) -> tuple[str, str]:
    years = f"{FIRST_YEAR} and {LAST_YEAR}"
    return f"year({value}) not between {years}", f"not between {years}"


def _checked(pattern: str) -> str:
    return pattern.replace("\\", "").replace("'", "\\'")
