"""Typed columns from text, as SQL: every text is a value of its type, or a reason why not.

Nothing is rounded, cut, shifted or turned to NULL unless the contract says so.
"""

from dataclasses import dataclass

from countinghouse.contracts import Column, Contract
from countinghouse.currencies import EXPONENTS
from countinghouse.landing import instants, numbers
from countinghouse.publishing.content_digest import Money

# `\z`, as `$` would let a trailing line break pass.
_WHOLE = r"r'^[+-]?[0-9]+([.]0*)?\z'"
_PLAIN = r"r'^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)\z'"
_SCIENTIFIC = r"r'^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?\z'"
_NEGATIVE_ZERO = r"r'^-0*[.]?0*\z'"
_TRUE = "'true', 't', 'yes', 'y', '1'"
_FALSE = "'false', 'f', 'no', 'n', '0'"


@dataclass(frozen=True)
class Typed:
    """SQL of a column's value, and of the reason why a row is bad because of it, or NULL."""

    name: str
    value: str
    reason: str
    # SQL of whether the value was rounded as declared.
    rounded: str = ""


def typed(contract: Contract, column: Column) -> Typed:
    """The column of a contract; its text is the column of the same name."""
    text = f"`{column.name}`"
    value, rules, rounded = _converted(contract, column, text)
    if column.allowed:
        rules.append((f"{text} not in ({', '.join(map(quoted, column.allowed))})", "not allowed"))
    branches = [_absent(contract, column, text)]
    # Nearly every value is right: one look settles that, before each rule gets its own.
    if not column.allowed and (right := _right(contract, column, text)):
        branches.append(f"when {right} and {value} is not null then null")
    branches += [f"when {rule} then {quoted(f'{column.name}: {name}')}" for rule, name in rules]
    return Typed(column.name, value, f"case {' '.join(branches)} end", rounded)


def text_of(contract: Contract, column: Column) -> str:
    """SQL of a column's text: the declared null values are NULL, numbers in plain notation."""
    nulls = ", ".join(map(quoted, column.null_values))
    text = f"`{column.name}`"
    plain = text
    if numbers.is_foreign(contract.format, column):
        plain = numbers.plain_sql(contract.format, text)
    return f"case when {text} in ({nulls}) then null else {plain} end" if nulls else plain


def currency_reason(money: Money, power: str) -> str:
    """SQL of why an amount, already typed, does not fit its row's currency, or NULL.

    `power` is SQL of `money.power`.
    """
    amount, currency = f"`{money.column}`", f"`{money.currency_column}`"
    return (
        f"case when {amount} is null then null "
        f"when {currency} is null then {quoted(f'{money.currency_column}: is null')} "
        f"when {power} is null then {quoted(f'{money.currency_column}: unknown')} "
        f"when {amount} * {power} <> floor({amount} * {power}) "
        f"then {quoted(f'{money.column}: more decimals than its currency has')} end"
    )


def quoted(text: str) -> str:
    """A SQL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _absent(contract: Contract, column: Column, text: str) -> str:
    if column.name in contract.keys:
        blank = quoted(f"{column.name}: key is blank")
        return f"when {text} is null or trim({text}) = '' then {blank}"
    if not column.nullable or column.name == contract.business_date.column:
        return f"when {text} is null then {quoted(f'{column.name}: is null')}"
    return f"when {text} is null then null"


def _converted(
    contract: Contract, column: Column, text: str
) -> tuple[str, list[tuple[str, str]], str]:
    """SQL of the value; rules as (SQL that is true when broken, name); SQL of whether rounded."""
    match column.parsed.name:
        case "string":
            return text, [], ""
        case "int" | "bigint":
            return *_whole(column, text), ""
        case "boolean":
            value = (
                f"case when lower({text}) in ({_TRUE}) then true "
                f"when lower({text}) in ({_FALSE}) then false end"
            )
            return value, [(f"{value} is null", "neither true nor false")], ""
        case "decimal":
            return _decimal(contract, column, text)
        case "date":
            return *instants.date(column, text), ""
    return *instants.timestamp(column, text, contract.business_date.source_zone), ""


def _right(contract: Contract, column: Column, text: str) -> str:
    """SQL of whether a number is written so that no rule but its range can be broken."""
    match column.parsed.name:
        case "int" | "bigint":
            return rf"{text} rlike r'^[+-]?[0-9]+\z'"
        case "decimal":
            places = _places(contract, column)
            shape = rf"(?!-0*[.]?0*\z)[+-]?[0-9]+([.][0-9]{{0,{places}}}0*)?"
            return rf"{text} rlike r'^{shape}\z'"
    return ""


def _whole(column: Column, text: str) -> tuple[str, list[tuple[str, str]]]:
    kind = column.parsed.name
    without_zeros = f"try_cast(regexp_replace({text}, '[.]0*$', '') as {kind})"
    value = f"coalesce(try_cast({text} as {kind}), {without_zeros})"
    if not column.scientific:
        wrong = [(f"{text} not rlike {_WHOLE}", "not a whole number")]
        return value, [*wrong, (f"{value} is null", "out of range")]
    number = f"try_cast({text} as decimal(38, 18))"
    value = f"case when {text} rlike {_WHOLE} then {value} else try_cast({number} as {kind}) end"
    wrong = [
        (f"{text} not rlike {_SCIENTIFIC}", "not a whole number"),
        (f"{number} <> floor({number}) or {_inexact(text, number)}", "not a whole number"),
    ]
    return value, [*wrong, (f"{value} is null", "out of range")]


def _decimal(
    contract: Contract, column: Column, text: str
) -> tuple[str, list[tuple[str, str]], str]:
    places = _places(contract, column)
    value = f"try_cast({text} as {column.type})"
    if places < column.parsed.scale:
        value = f"try_cast(try_cast({text} as decimal(38, {places})) as {column.type})"
    plain = rf"{text} rlike r'^[+-]?[0-9]*([.][0-9]{{0,{places}}}0*)?\z'"
    exponents = column.scientific or column.round_within is not None
    rules = [
        (f"{text} not rlike {_SCIENTIFIC if exponents else _PLAIN}", "not a decimal"),
        (f"{text} rlike {_NEGATIVE_ZERO}", "negative zero"),
    ]
    # As many places as leave room for the type's digits; they tell any declared tolerance.
    room = 38 - (column.parsed.precision - column.parsed.scale)
    exact = f"try_cast({text} as decimal(38, {min(20, room)}))"
    changed = f"not ({plain})"
    if exponents:
        changed += f" and not coalesce({exact} = {value} and not {_inexact(text, value)}, false)"
    if column.round_within is None:
        rules.append((changed, f"more than {places} decimals"))
        return value, [*rules, (f"{value} is null", "out of range")], ""
    within = f"cast('{column.round_within:f}' as decimal(38, 20))"
    far = f"{value} is not null and not coalesce(abs({exact} - {value}) <= {within}, false)"
    rules += [(f"{value} is null", "out of range"), (far, "rounding changes too much")]
    return value, rules, f"({text} is not null and {changed})"


def _inexact(text: str, value: str) -> str:
    """SQL of whether a text with an exponent says more than fits into a decimal's places."""
    return f"try_cast({text} as double) <> cast({value} as double)"


def _places(contract: Contract, column: Column) -> int:
    """Decimals that a value may have: those of its type, or of its currency if fewer."""
    scale = column.parsed.scale
    for money in contract.money:
        if money.column == column.name and not money.currency_column:
            exponent = EXPONENTS[money.currency] if money.exponent is None else money.exponent
            return min(scale, exponent)
    return scale
