"""Contracts: what a feed is, as declared in the dbt project's `sources:`.

One declaration drives landing, the default gate and dbt docs. `contract.schema.json` describes it.
"""

import functools
import hashlib
import json
import zoneinfo
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import jsonschema
from pydantic import BaseModel, ConfigDict, Field

from countinghouse.content_digest import Money
from countinghouse.currencies import EXPONENTS
from countinghouse.errors import BadName, ContractError
from countinghouse.names import Feed
from countinghouse.sql_types import Type, UnknownType, parse_type
from countinghouse.yaml_lines import Document, Path_

SCHEMA = Path(__file__).with_name("contract.schema.json")
LANDABLE = {"string", "int", "bigint", "boolean", "decimal", "date", "timestamp"}
# Scaling to minor units needs five digits beyond an amount's own.
MAX_MONEY_PRECISION = 30


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Format(_Declared):
    """The dialect of a feed's files."""

    type: Literal["csv"] = "csv"
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    header: bool = True
    null_values: tuple[str, ...] = ("",)
    compression: str = "infer"


class BusinessDate(_Declared):
    """Where a row's business date comes from; without `column` it is the delivery's date."""

    column: str = ""
    delivery: bool = False
    source_zone: str = "UTC"
    zone: str = "UTC"


class Expected(_Declared):
    """When the delivery of a day comes, on the day after, and when its absence is an alert."""

    by: str
    deadline: str
    zone: str = "UTC"


class Column(_Declared):
    """A declared column; `header` is its name in the source's files."""

    name: str
    type: str
    description: str
    header: str
    nullable: bool = True
    optional: bool = False
    pii: Literal["none", "low", "high"] = "none"
    treatment: Literal["keep", "hash"] = "keep"
    format: str = ""
    allowed: tuple[str, ...] = ()
    null_values: tuple[str, ...]
    round_within: Decimal | None = None

    @functools.cached_property
    def parsed(self) -> Type:
        """The type, read."""
        return parse_type(self.type)


class Contract(_Declared):
    """The declaration of one feed."""

    system: str
    name: str
    description: str
    owner: str
    kind: Literal["event", "full_snapshot", "cumulative"]
    format: Format
    files: str = "*"
    keys: tuple[str, ...]
    version_column: str | None = None
    business_date: BusinessDate
    max_lateness_days: int | None = None
    expected: Expected | None = None
    refuse_above: float
    amounts: dict[str, dict[str, Any]] = Field(default_factory=dict)
    columns: tuple[Column, ...]
    path: Path = Field(exclude=True)
    line: int = Field(exclude=True)

    @property
    def feed(self) -> Feed:
        """The feed by its names."""
        return Feed(self.system, self.name)

    @property
    def money(self) -> tuple[Money, ...]:
        """Amount columns with their currency."""
        types = {column.name: column.type for column in self.columns}
        return tuple(Money(name, types[name], **how) for name, how in self.amounts.items())

    @property
    def keeps_raw_text(self) -> bool:
        """Whether quarantine may show the text of a row: no column identifies a person."""
        return all(column.pii != "high" for column in self.columns)

    @property
    def fingerprint(self) -> str:
        """Digest of everything that decides what landing makes of the same bytes."""
        said = self.model_dump(mode="json", exclude={"description", "owner", "expected"})
        for column in said["columns"]:
            del column["description"]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def column(self, name: str) -> Column:
        """A declared column by name; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def load_contracts(project: Path) -> dict[str, Contract]:
    """Contracts by `system.feed`, of all sources of the dbt project under `project`.

    Raises ContractError with file, line, feed and field for the first thing that is wrong.
    """
    found: dict[str, Contract] = {}
    for path in sorted((project / "dbt_project" / "models").rglob("*.yml")):
        for contract in read_contracts(path):
            feed = str(contract.feed)
            if feed in found:
                raise ContractError(
                    f"{path}:{contract.line}: {feed}: declared in {found[feed].path}, too",
                    remedy="declare each feed once",
                )
            found[feed] = contract
    return found


def read_contracts(path: Path) -> Iterator[Contract]:
    """Contracts of one YAML file; sources without `config.meta.landing` are no feeds."""
    document = Document(path)
    sources = document.content.get("sources") if isinstance(document.content, dict) else None
    for n, source in enumerate(sources or []):
        for m, table in enumerate(source.get("tables") or []):
            meta = (table.get("config") or {}).get("meta") or {}
            if "landing" in meta:
                where = ("sources", n, "tables", m)
                yield _Reader(document, where, str(source.get("name")), table).contract()


class _Reader:
    """Reads one feed; every complaint goes through `error`, which knows the place."""

    def __init__(
        self, document: Document, where: Path_, system: str, table: dict[str, Any]
    ) -> None:
        self.document = document
        self.where = where
        self.system = system
        self.table = table

    def contract(self) -> Contract:
        self._follow_schema()
        landing = dict(self.table["config"]["meta"]["landing"])
        landing = {key: value for key, value in landing.items() if value is not None}
        landing.pop("wide", None)
        file_format = Format(**landing.pop("format", {}))
        contract = Contract(
            system=self.system,
            name=self.table["name"],
            description=self.table["description"],
            owner=self.table["config"]["meta"]["owner"],
            format=file_format,
            amounts=landing.pop("money", {}),
            columns=tuple(
                self._column(n, column, file_format)
                for n, column in enumerate(self.table["columns"])
            ),
            path=self.document.path,
            line=self.document.line(self.where),
            **landing,
        )
        self._check(contract)
        return contract

    def error(self, field: Path_, message: str, remedy: str) -> ContractError:
        line = self.document.line((*self.where, *field))
        feed = f"{self.system}.{self.table.get('name')}"
        dotted = ".".join(str(part) for part in field)
        return ContractError(
            f"{self.document.path}:{line}: {feed}: {dotted}: {message}", remedy=remedy
        )

    def _follow_schema(self) -> None:
        problem = jsonschema.exceptions.best_match(_validator().iter_errors(self.table))
        if problem is not None:
            raise self.error(
                tuple(problem.absolute_path), problem.message, f"see {SCHEMA.name} in countinghouse"
            )

    def _column(self, n: int, declared: dict[str, Any], file_format: Format) -> Column:
        meta = (declared.get("config") or {}).get("meta") or {}
        try:
            kind = parse_type(declared["data_type"])
        except UnknownType as error:
            raise self.error(("columns", n, "data_type"), error.message, error.remedy) from None
        if kind.name not in LANDABLE:
            raise self.error(
                ("columns", n, "data_type"),
                f"{declared['data_type']} cannot be landed from text",
                f"use one of {', '.join(sorted(LANDABLE))}; decimal for what is not a whole number",
            )
        hashed = meta.get("pii") == "high"
        defaults = {
            "header": declared["name"],
            "null_values": file_format.null_values,
            "treatment": "hash" if hashed else "keep",
        }
        return Column(
            name=declared["name"],
            type=declared["data_type"],
            description=declared["description"],
            **(defaults | meta),
        )

    def _check(self, contract: Contract) -> None:
        self._check_names(contract)
        self._check_references(contract)
        self._check_columns(contract)
        self._check_money(contract)
        self._check_business_date(contract)

    def _check_names(self, contract: Contract) -> None:
        try:
            relation = contract.feed.relation
        except BadName as error:
            raise self.error((), error.message, error.remedy) from None
        if self.table.get("identifier", relation) != relation:
            raise self.error(("identifier",), f"is not {relation}", "one name in every layer")
        for what in ("name", "header"):
            seen: set[str] = set()
            for n, column in enumerate(contract.columns):
                if getattr(column, what) in seen:
                    raise self.error(("columns", n), f"{column.name} stands twice", "rename one")
                seen.add(getattr(column, what))

    def _check_references(self, contract: Contract) -> None:
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
        for field, name in used:
            if name not in known:
                raise self.error((*landing, *field), f"no column {name}", "declare it")

    def _check_columns(self, contract: Contract) -> None:
        for n, column in enumerate(contract.columns):
            field = ("columns", n, "config", "meta")
            kind = column.parsed.name
            if column.name.startswith("_") or column.name == "dt":
                raise self.error(("columns", n), "the name belongs to landing", "rename it")
            if column.treatment == "hash" and kind != "string":
                raise self.error(field, "only a string can be hashed", "declare it as string")
            if column.format and kind not in ("date", "timestamp"):
                raise self.error(field, f"a {kind} has no format", "remove it")
            if column.optional and (not column.nullable or column.name in contract.keys):
                raise self.error(field, "a column that may be absent is nullable", "mend either")
            if column.round_within is not None and kind != "decimal":
                raise self.error(field, f"a {kind} is not rounded", "remove round_within")

    def _check_money(self, contract: Contract) -> None:
        for money in contract.money:
            field = ("config", "meta", "landing", "money", money.column)
            kind = contract.column(money.column).parsed
            if kind.name not in ("decimal", "bigint"):
                raise self.error(field, f"money cannot be {kind.name}", "use decimal(18,2)")
            if kind.precision > MAX_MONEY_PRECISION:
                raise self.error(field, "more digits than an amount has", "use decimal(18,2)")
            if contract.column(money.column).allowed or money.column in contract.keys:
                raise self.error(field, "money is neither a key nor a code", "mend the column")
            if money.currency_column and contract.column(money.column).round_within is not None:
                raise self.error(field, "only money of one currency is rounded", "remove either")
            if bool(money.currency) == bool(money.currency_column):
                raise self.error(field, "needs currency or currency_column", "give one of them")
            if money.currency and money.currency not in EXPONENTS and money.exponent is None:
                raise self.error(field, f"unknown currency {money.currency}", "give its exponent")

    def _check_business_date(self, contract: Contract) -> None:
        field = ("config", "meta", "landing", "business_date")
        declared = contract.business_date
        for zone in (declared.source_zone, declared.zone):
            if not _known_zone(zone):
                raise self.error(field, f"unknown time zone {zone}", "use an IANA name")
        if contract.kind == "full_snapshot":
            if declared.column:
                raise self.error(field, "a snapshot is of its delivery's date", "delivery: true")
        elif not declared.column:
            raise self.error(field, f"a row of kind {contract.kind} has its own", "name its column")
        elif contract.column(declared.column).parsed.name not in ("date", "timestamp"):
            raise self.error(field, f"{declared.column} is no date or timestamp", "mend its type")


def _known_zone(zone: str) -> bool:
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return False
    return True


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
