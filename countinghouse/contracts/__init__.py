"""Contracts: what a feed is, as declared in the dbt project's `sources:`.

One declaration drives landing, the default gate and dbt docs. `contract.schema.json` describes it.
"""

import functools
import json
from collections.abc import Iterator
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
LANDABLE = {"string", "int", "bigint", "boolean", "decimal", "date", "timestamp"}


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
        self._check_names()
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
        if self.table.get("identifier", relation) != relation:
            raise self.error(("identifier",), f"is not {relation}", "one name in every layer")

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


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
