"""The nodes of a manifest, by what planning asks of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from countinghouse import names
from countinghouse.errors import ContractError
from countinghouse.planning.model_graph import Shape

PLAN = "plan"
_PROJECT = "countinghouse"
# Macros about branches, tests and DDL: they do not decide what a table contains.
_MACHINERY = "macros/branch/"

Node = Mapping[str, Any]


def refusal(node: Node, message: str, remedy: str) -> ContractError:
    """An error that names the model's file."""
    return ContractError(f"{node['original_file_path']}: {message}", remedy=remedy)


@dataclass(frozen=True)
class Project:
    """A manifest; relations are named `schema.table` as published."""

    manifest: Mapping[str, Any]

    @cached_property
    def models(self) -> Mapping[str, Node]:
        """Models by unique id."""
        nodes: Mapping[str, Node] = self.manifest["nodes"]
        return {key: node for key, node in nodes.items() if node["resource_type"] == "model"}

    @cached_property
    def model_ids(self) -> Mapping[str, str]:
        """Unique ids by the models' names."""
        return {model["name"]: key for key, model in self.models.items()}

    @property
    def sources(self) -> Mapping[str, Node]:
        """Sources by unique id; those named `plan` exist in branches only."""
        sources: Mapping[str, Node] = self.manifest["sources"]
        return sources

    def source_id(self, system: str, feed: str) -> str:
        """Unique id of a source; KeyError if it is not declared."""
        key = f"source.{_PROJECT}.{system}.{feed}"
        self.sources[key]
        return key

    def is_plan(self, key: str) -> bool:
        """Whether a unique id is one of the relations that tell a run what to build."""
        return key in self.sources and self.sources[key]["source_name"] == PLAN

    def relation(self, key: str) -> str:
        """`schema.table` of a model or source."""
        if key in self.sources:
            schema = PLAN if self.is_plan(key) else "raw"
            return names.table(f"{schema}.{self.sources[key]['identifier']}")
        node = self.models[key]
        return names.table(f"{node['schema']}.{node['alias']}")

    def shape(self, key: str) -> Shape:
        """How the table of a model is cut."""
        config = self.models[key]["config"]
        if config["meta"].get("history"):
            return Shape.HISTORY
        return Shape.DAILY if config.get("partition_by") else Shape.WHOLE

    def tests(self) -> Iterator[tuple[str, list[str]]]:
        """Per test on a model: the model's unique id, and those of all that the test reads."""
        for node in self.manifest["nodes"].values():
            attached = node.get("attached_node")
            if node["resource_type"] == "test" and attached in self.models:
                yield attached, node["depends_on"]["nodes"]

    def macros(self, node: Node) -> Iterator[Node]:
        """The project's macros that a model uses, directly or not, each once."""
        pending, seen = list(node["depends_on"]["macros"]), set[str]()
        while pending:
            key = pending.pop()
            macro = self.manifest["macros"].get(key)
            if key in seen or not macro or macro["package_name"] != _PROJECT:
                continue
            seen.add(key)
            if not macro["original_file_path"].startswith(_MACHINERY):
                yield macro
                pending += macro["depends_on"]["macros"]
