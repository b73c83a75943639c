"""Contracts: what a feed is, as declared in the dbt project's `sources:`.

One declaration drives landing, the default gate and dbt docs. `contract.schema.json` describes it.
"""

import functools
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import jsonschema

from countinghouse.contracts.contract_checks import complaints
from countinghouse.contracts.contract_model import BusinessDate, Column, Contract, Expected, Format
from countinghouse.contracts.yaml_lines import Document, Path_
from countinghouse.errors import BadName, ContractError
from countinghouse.names import Feed
from countinghouse.sql_types import UnknownType, parse_type

__all__ = ["BusinessDate", "Column", "Contract", "Expected", "Format", "load_contracts"]

SCHEMA = Path(__file__).with_name("contract.schema.json")
# As dbt reads; so does `dags/orchestration/declared.py`, which may not import this.
SUFFIXES = (".yml", ".yaml")
LANDABLE = {"string", "int", "bigint", "boolean", "decimal", "date", "timestamp"}


def load_contracts(project: Path) -> dict[str, Contract]:
    """Contracts by `system.feed`, of all sources of the dbt project under `project`.

    Raises ContractError with file, line, feed and field for the first thing that is wrong, and for
    a module of `expectations/` that belongs to none of them.
    """
    found: dict[str, Contract] = {}
    files = (project / "dbt_project" / "models").rglob("*")
    for path in sorted(file for file in files if file.suffix in SUFFIXES):
        for contract in read_contracts(path):
            feed = str(contract.feed)
            if feed in found:
                raise ContractError(
                    f"{path}:{contract.line}: {feed}: declared in {found[feed].path}, too",
                    remedy="declare each feed once",
                )
            found[feed] = contract
    _check_suites(project, {contract.feed.raw for contract in found.values()})
    return found


def _check_suites(project: Path, tables: Collection[str]) -> None:
    for path in sorted((project / "expectations").glob("*/*.py")):
        table = f"{path.parent.name}.{path.stem}"
        if path.stem != "__init__" and table not in tables:
            raise ContractError(
                f"{path}: no feed has the table {table}: nobody would evaluate its rules",
                remedy="name the module after the raw table of its feed, or delete it",
            )


def read_contracts(path: Path) -> tuple[Contract, ...]:
    """Contracts of one YAML file; sources without `config.meta.landing` are no feeds."""
    return _contracts(path, path.read_bytes())


@functools.lru_cache(maxsize=1024)
def _contracts(path: Path, content: bytes) -> tuple[Contract, ...]:
    # Of hundreds of files few declare feeds, and fewer change.
    return tuple(_read(Document(path, content))) if b"sources" in content else ()


def _read(document: Document) -> Iterator[Contract]:
    sources = document.content.get("sources") if isinstance(document.content, dict) else None
    for n, source in _mappings(document, ("sources",), sources):
        system = str(source.get("name"))
        for m, table in _mappings(document, ("sources", n, "tables"), source.get("tables"), system):
            where, feed = ("sources", n, "tables", m), f"{system}.{table.get('name')}"
            config = _expect(dict, document, (*where, "config"), table.get("config"), feed)
            meta = _expect(dict, document, (*where, "config", "meta"), config.get("meta"), feed)
            if "landing" in meta:
                yield _Reader(document, where, system, table).contract()


def _mappings(
    document: Document, where: Path_, items: Any, feed: str = ""
) -> Iterator[tuple[int, dict[str, Any]]]:
    for n, item in enumerate(_expect(list, document, where, items, feed)):
        if item is None:
            raise _misplaced(document, (*where, n), "is empty", feed)
        yield n, _expect(dict, document, (*where, n), item, feed)


def _expect(kind: type, document: Document, where: Path_, content: Any, feed: str) -> Any:
    """The content, which is of that kind or absent."""
    if content is not None and not isinstance(content, kind):
        wanted = "list" if kind is list else "mapping"
        raise _misplaced(document, where, f"is no {wanted}", feed)
    return content if content is not None else kind()


def _misplaced(document: Document, where: Path_, message: str, feed: str) -> ContractError:
    dotted = ".".join(str(part) for part in where)
    place = f"{feed}: {dotted}" if feed else dotted
    return ContractError(
        f"{document.path}:{document.line(where)}: {place}: {message}",
        remedy="write sources, tables and config as dbt does",
    )


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
        self._check_names()
        landing = dict(self.table["config"]["meta"]["landing"])
        landing = {key: value for key, value in landing.items() if value is not None}
        landing.pop("wide", None)
        declared = landing.pop("format", {})
        # JSON and Parquet have a null of their own, which an empty text is not.
        null_values = ("",) if declared.get("type", "csv") == "csv" else ()
        file_format = Format(**{"null_values": null_values} | declared)
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
        for complaint in complaints(contract):
            raise self.error(*complaint)
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

    def _check_names(self) -> None:
        try:
            relation = Feed(self.system, self.table["name"]).relation
        except BadName as error:
            raise self.error((), error.message, error.remedy) from None
        # Else two feeds could share a table, and a table would not say its system.
        if "__" in self.system or self.system.endswith("_"):
            raise self.error((), f"{self.system}: __ parts system and feed", "rename the system")
        if self.table.get("identifier", relation) != relation:
            raise self.error(("identifier",), f"is not {relation}", "one name in every layer")

    def _column(self, n: int, declared: dict[str, Any], file_format: Format) -> Column:
        meta = (declared.get("config") or {}).get("meta") or {}
        try:
            kind = parse_type(declared["data_type"])
        except (UnknownType, ValueError):
            raise self.error(
                ("columns", n, "data_type"),
                f"{declared['data_type']!r} is not a type",
                "use the engine's SQL types, e.g. decimal(18,2)",
            ) from None
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


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
