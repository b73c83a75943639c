"""The YAML of an inferred feed, as docs/add-a-source.md shows one; guesses carry `# decide:`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from countinghouse.inference.keys import Key
from countinghouse.inference.roles import Amount
from countinghouse.inference.table import Table
from countinghouse.inference.typed_columns import TypedColumn
from countinghouse.names import Feed

_WIDTH = 100
_SHOWN = 8
_DOMAINS = "ads, commerce, finance, instruments, payments, recommendation"


@dataclass
class Declaration:
    """An inferred feed: what its YAML says, and why."""

    feed: Feed
    table: Table
    columns: Sequence[TypedColumn]
    key: Key
    notation_doubt: str
    dialect: dict[str, Any]
    files: str
    business_date: TypedColumn | None
    amounts: Sequence[Amount]
    found_key: bool = True
    hints: list[str] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        """Names of the columns of the key."""
        return [self.columns[n].name for n in self.key.columns]

    @property
    def expected_bad(self) -> int:
        """Rows of these files that landing would quarantine."""
        return self.table.errors.total() + self.key.conflicts

    def yaml(self) -> str:
        """The declaration as the text of a file below dbt_project/models/staging."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield from self._head()
        yield "version: 2"
        yield ""
        yield "sources:"
        yield f"  - name: {self.feed.system}"
        yield "    schema: raw"
        yield f"    # decide: domain, one of {_DOMAINS}"
        yield "    config: {meta: {domain: commerce}}"
        yield "    # decide: description"
        yield f"    description: System {self.feed.system}; describe it."
        yield "    tables:"
        yield f"      - name: {self.feed.name}"
        yield f"        identifier: {self.feed.relation}"
        yield "        # decide: description"
        yield f"        description: {self._description()}"
        yield "        config:"
        yield "          meta:"
        yield "            # decide: owner"
        yield "            owner: unknown"
        yield "            landing:"
        yield from _indented(14, self._landing())
        yield "        columns:"
        for column in self.columns:
            yield from _indented(10, self._column(column))

    def _head(self) -> Iterator[str]:
        origin = self.table.origin
        names = ", ".join(dict.fromkeys(file.path.name for file in origin.files))
        yield f"# Inferred from {len(origin.files)} files ({names[:_WIDTH]})"
        yield f"# with {self.table.rows} rows, all of them read. What `decide:` marks is a guess."
        if self.expected_bad:
            yield f"# {self.expected_bad} rows would be quarantined:"
            for reason, rows in self._reasons().items():
                yield f"#   {reason}: {rows}"
            if self.table.first_error:
                yield f"#   the first is in {self.table.first_error}"

    def _reasons(self) -> Counter[str]:
        found = Counter(self.table.errors)
        if self.key.conflicts:
            found["keys: conflicting copies"] = self.key.conflicts
        return found

    def _description(self) -> str:
        return quoted(f"One row per {_enumerated(self.keys)}, it seems; describe it.")

    def _landing(self) -> Iterator[str]:
        yield from self._kind()
        yield from self._format()
        yield f"files: {quoted(self.files)}"
        yield from self._keys()
        yield from self._business_date()
        yield "# decide: when it comes, and when its absence is an alert"
        yield '# expected: {by: "06:00", deadline: "12:00", zone: UTC}'
        bad = self.expected_bad
        yield f"# decide: share of bad rows above which a delivery is refused; {bad} here"
        share = bad / max(1, self.table.rows)
        yield f"refuse_above: {_above(share)}"
        yield from self._money()

    def _kind(self) -> Iterator[str]:
        other = "cumulative, if every delivery repeats the past"
        if self.business_date:
            yield f"# decide: kind; {other}; full_snapshot, if it is the whole state of a day"
            yield "kind: event"
        else:
            yield "# decide: kind; no column is a date that is always there and not in the future;"
            yield f"# event, if rows are added; {other}"
            yield "kind: full_snapshot"

    def _format(self) -> Iterator[str]:
        for what, why in self.table.origin.doubts.items():
            yield f"# decide: {what}: {_one_line(why)}"
        if self.notation_doubt:
            yield f"# decide: numbers: {_one_line(self.notation_doubt)}"
        if trailer := self.dialect.get("trailer"):
            yield (
                f"# decide: trailer: the last {trailer['lines']} lines are no records; "
                "a pattern from one example, whose totals nobody checks"
            )
        yield f"format: {flow(self.dialect)}"

    def _keys(self) -> Iterator[str]:
        key, rows = self.key, self.table.readable
        if not self.found_key:
            yield "# decide: no set of columns tells the rows apart: here are all that are always"
            yield "# there; a number of the row within its file would be better"
        elif key.of_first:
            yield f"# decide: unique in the first {key.of_first} of {rows} rows"
        else:
            yield f"# decide: unique in all {rows} rows"
        if key.copies:
            yield f"# {key.copies} rows are exact copies of another one"
        if key.conflicts:
            yield f"# {key.conflicts} rows share them with a row that differs"
        yield f"keys: {flow(self.keys)}"
        yield from (f"# decide: {hint}" for hint in self.hints)

    def _business_date(self) -> Iterator[str]:
        column = self.business_date
        if column is None:
            yield "business_date: {delivery: true}"
            return
        yield f"# decide: business date; {column.name} is {_one_line(column.measured)}"
        told: dict[str, str] = {"column": column.name}
        if column.type == "timestamp":
            if column.profile.local:
                yield "# decide: source_zone of times without an offset, zone of the reports"
            told |= {"source_zone": "UTC", "zone": "UTC"}
        yield f"business_date: {flow(told)}"

    def _money(self) -> Iterator[str]:
        good = [amount for amount in self.amounts if not amount.why_not]
        reasons: dict[str, list[str]] = {}
        for amount in self.amounts:
            if amount.why_not:
                reasons.setdefault(amount.why_not, []).append(amount.column.name)
        for why, names in reasons.items():
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            yield f"# decide: money? {', '.join(names[:_SHOWN])}{more}: {why}"
        if good:
            yield "# decide: money"
            yield "money:"
            yield from (f"  {amount.column.name}: {flow(_currency(amount))}" for amount in good)

    def _column(self, column: TypedColumn) -> Iterator[str]:
        yield f"- name: {column.name}"
        for question in column.decide:
            yield f"  # decide: {_one_line(question)}"
        yield f"  data_type: {column.type}"
        measured = column.measured[:1].upper() + column.measured[1:]
        yield f"  description: {quoted(f'{measured}; describe it.')}"
        if column.meta:
            yield f"  config: {{meta: {flow(column.meta)}}}"


def _currency(amount: Amount) -> dict[str, str]:
    if amount.currency:
        return {"currency": amount.currency}
    return {"currency_column": amount.currency_column} if amount.currency_column else {}


def _above(share: float) -> str:
    """A share that is not below another one, with two digits."""
    return "0" if not share else f"{min(1.0, int(share * 100 + 1) / 100):g}"


def _enumerated(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _indented(by: int, lines: Iterator[str]) -> Iterator[str]:
    return (" " * by + line for line in lines)


def _one_line(text: str) -> str:
    """A text that a comment can hold."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def quoted(text: str) -> str:
    """A text as a YAML scalar in quotes, on one line."""
    dumped = yaml.dump(
        text, Dumper=yaml.CSafeDumper, default_style='"', allow_unicode=True, width=1 << 30
    )
    return str(dumped).strip()


def flow(content: Any) -> str:
    """Plain values as YAML on one line."""
    if isinstance(content, dict):
        return "{" + ", ".join(f"{name}: {flow(value)}" for name, value in content.items()) + "}"
    if isinstance(content, list | tuple):
        return "[" + ", ".join(map(flow, content)) + "]"
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, int):
        return str(content)
    plain = content.replace("_", "a").replace("-", "a")
    if plain.isascii() and plain.isalnum() and not plain[0].isdigit() and _stays_text(content):
        return str(content)
    return quoted(content)


def _stays_text(text: str) -> bool:
    return bool(yaml.safe_load(text) == text)
