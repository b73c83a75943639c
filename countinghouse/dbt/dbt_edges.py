"""What a model's SQL reads, found in its Jinja calls, and its text without what does not count."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError, nodes

from countinghouse.errors import ContractError

_READS = ("ref", "history", "as_of", "source")
# A value from outside is in no fingerprint; a value from the clock differs in every run.
_UNSTABLE_CALLS = ("var", "env_var", "builtins", "run_started_at", "invocation_id")
_UNSTABLE_SQL = re.compile(
    r"\b(?:(?:current_timestamp|current_date|localtimestamp)\b"
    r"|(?:now|curdate|rand|random|randn|randstr|uuid|shuffle|monotonically_increasing_id)\s*\()",
    re.IGNORECASE,
)
# Strings first, so that `--` inside one is no comment; Jinja's comments end at `#}` only.
_TOKENS = re.compile(
    r"""(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`)"""
    r"""|(?P<blank>(?:--[^\n]*|/\*.*?\*/|\{\#.*?\#\}|\s)+)""",
    re.DOTALL,
)
_JINJA = Environment(extensions=["jinja2.ext.do"])


@dataclass(frozen=True)
class Call:
    """One `ref`, `history`, `as_of` or `source` of a model, with its literal arguments."""

    name: str
    arguments: tuple[str | int, ...]


@functools.lru_cache(maxsize=2048)
def normalised(sql: str) -> str:
    """The SQL without comments, white space collapsed, string literals untouched."""
    return _TOKENS.sub(lambda m: m["string"] or " ", sql).strip()


def uncommented(sql: str, found: list[Call], model: str) -> list[Call]:
    """Those of the calls that `calls` found in `sql` which stand in no comment."""
    plain = normalised(sql)
    if all(plain.count(opening) == sql.count(opening) for opening in ("{{", "{%")):
        return found
    return calls(plain, model)


def calls(sql: str, model: str) -> list[Call]:
    """Every read in the Jinja of `sql`, in order.

    Raises ContractError when a read is not literal, or when the result would depend on
    something that no fingerprint covers; `model` is named in it.
    """
    unstable = _UNSTABLE_SQL.search(re.sub(r"'(?:[^'\\]|\\.)*'", "''", sql))
    if unstable:
        raise ContractError(
            f"{model} uses {unstable[0].strip(' (')}, which differs in every run",
            remedy="take times from the delivery, and dates from run_dates()",
        )
    return [_literal(call, model) for call in _found(sql, model)]


def _found(sql: str, model: str) -> Iterator[nodes.Call]:
    try:
        tree = _JINJA.parse(sql)
    except TemplateSyntaxError as error:
        raise ContractError(
            f"{model}, line {error.lineno}: {error.message}", remedy="correct its Jinja"
        ) from None
    for name in tree.find_all(nodes.Name):
        if name.name in _UNSTABLE_CALLS:
            raise ContractError(
                f"{model} uses {name.name}, whose value is in no fingerprint",
                remedy="write the value in the SQL or in a macro",
            )
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in _READS:
            yield call


def _literal(call: nodes.Call, model: str) -> Call:
    assert isinstance(call.node, nodes.Name)
    name, types = call.node.name, {"history": (str, int), "source": (str, str)}
    values = tuple(a.value for a in call.args if isinstance(a, nodes.Const))
    given = tuple(type(value) for value in values)
    if call.kwargs or len(values) != len(call.args) or given != types.get(name, (str,)):
        raise ContractError(
            f"{model}, line {call.lineno}: {name}(...) does not name what it reads",
            remedy="write ref('model'), history('model', days), as_of('model') "
            "or source('system', 'feed') with literals",
        )
    return Call(name, values)
