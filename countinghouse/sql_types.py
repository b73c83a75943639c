"""SQL type names as contracts write them, read into a tree."""

import re
from dataclasses import dataclass

from countinghouse.errors import CountinghouseError

_ALIASES = {"integer": "int", "long": "bigint", "varchar": "string", "text": "string"}
_SCALARS = {
    "string",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "boolean",
    "date",
    "timestamp",
    "timestamp_ntz",
    "binary",
    "float",
    "double",
}
_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[<>(),:])")


class UnknownType(CountinghouseError):
    """A type name that the warehouse does not know."""


@dataclass(frozen=True)
class Type:
    """A type; `parts` are the types inside an array, map or struct."""

    name: str
    precision: int = 0
    scale: int = 0
    parts: tuple["Type", ...] = ()
    fields: tuple[str, ...] = ()

    @property
    def inexact(self) -> bool:
        """Whether values of it, or inside of it, are binary fractions."""
        return self.name in ("float", "double") or any(part.inexact for part in self.parts)


def parse_type(text: str) -> Type:
    """Read a type such as `decimal(18,2)` or `array<struct<id: bigint>>`."""
    tokens = _tokens(text)
    try:
        found = _type(tokens)
    except IndexError:
        raise _unknown(text) from None
    if tokens or found is None:
        raise _unknown(text)
    return found


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    stripped = text.strip()
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if not match:
            raise _unknown(text)
        tokens.append(match[1])
        at = match.end()
    return tokens


def _type(tokens: list[str]) -> Type:
    word = tokens.pop(0).lower()
    name = _ALIASES.get(word, word)
    if name == "decimal":
        return _decimal(tokens)
    if name in ("array", "map"):
        _expect(tokens, "<")
        parts = [_type(tokens)]
        if name == "map":
            _expect(tokens, ",")
            parts.append(_type(tokens))
        _expect(tokens, ">")
        return Type(name, parts=tuple(parts))
    if name == "struct":
        return _struct(tokens)
    if name not in _SCALARS:
        raise _unknown(word)
    return Type(name)


def _decimal(tokens: list[str]) -> Type:
    _expect(tokens, "(")
    precision = int(tokens.pop(0))
    scale = 0
    if tokens[0] == ",":
        tokens.pop(0)
        scale = int(tokens.pop(0))
    _expect(tokens, ")")
    if not 1 <= precision <= 38 or scale > precision:
        raise _unknown(f"decimal({precision},{scale})")
    return Type("decimal", precision, scale)


def _struct(tokens: list[str]) -> Type:
    fields, parts = [], []
    _expect(tokens, "<")
    while True:
        fields.append(tokens.pop(0))
        _expect(tokens, ":")
        parts.append(_type(tokens))
        mark = tokens.pop(0)
        if mark == ">":
            return Type("struct", parts=tuple(parts), fields=tuple(fields))
        if mark != ",":
            raise _unknown(mark)


def _expect(tokens: list[str], mark: str) -> None:
    if tokens.pop(0) != mark:
        raise _unknown(mark)


def _unknown(text: str) -> UnknownType:
    return UnknownType(
        f"{text[:80]!r} is not a type", remedy="use the engine's SQL types, e.g. decimal(18,2)"
    )
