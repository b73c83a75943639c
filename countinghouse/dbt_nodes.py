"""The nodes of a manifest, by what planning asks of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from countinghouse import names
from countinghouse.model_graph import Shape

PLAN = "plan"
PROJECT = "countinghouse"
# Macros about branches, tests and DDL: they do not decide what a table contains.
_MACHINERY = "macros/branch/"

Node = Mapping[str, Any]


@dataclass(frozen=True)
class Project:
    """The manifest's nodes; relations are named `schema.table` as published."""

    manifest: Mapping[str, Any]

    @cached_property
    def nodes(self) -> Mapping[str, Node]:
        nodes: Mapping[str, Node] = self.manifest["nodes"]
        return nodes

    @cached_property
    def models(self) -> Mapping[str, Node]:
        return {key: n for key, n in self.nodes.items() if n["resource_type"] == "model"}

    @cached_property
    def tests(self) -> list[Node]:
        return [node for node in self.nodes.values() if node["resource_type"] == "test"]

    @cached_property
    def sources(self) -> Mapping[str, Node]:
        sources: Mapping[str, Node] = self.manifest["sources"]
        return sources

    @cached_property
    def model_ids(self) -> Mapping[str, str]:
        return {model["name"]: key for key, model in self.models.items()}

    def relation(self, key: str) -> str:
        """`schema.table` of a model or source, as published."""
        if key in self.sources:
            source = self.sources[key]
            schema = PLAN if source["source_name"] == PLAN else "raw"
            return names.table(f"{schema}.{source['identifier']}")
        node = self.nodes[key]
        return names.table(f"{node['schema']}.{node['alias']}")

    def shape(self, key: str) -> Shape:
        config = self.models[key]["config"]
        if config["meta"].get("history"):
            return Shape.HISTORY
        return Shape.DAILY if config.get("partition_by") else Shape.WHOLE

    def macros(self, node: Node) -> Iterator[Node]:
        """The project's macros that a model uses, directly or not, each once."""
        pending, seen = list(node["depends_on"]["macros"]), set[str]()
        while pending:
            key = pending.pop()
            macro = self.manifest["macros"].get(key)
            if key in seen or not macro or macro["package_name"] != PROJECT:
                continue
            seen.add(key)
            if not macro["original_file_path"].startswith(_MACHINERY):
                yield macro
                pending += macro["depends_on"]["macros"]
