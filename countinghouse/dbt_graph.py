"""The planner's graph, from the dbt project: models, what they read, their fingerprints."""

import graphlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from countinghouse import names
from countinghouse.dbt_edges import Call, calls, normalised
from countinghouse.dbt_manifest import load_manifest
from countinghouse.errors import ContractError
from countinghouse.model_graph import Column, Edge, Graph, Model, Reads, Shape
from countinghouse.settings import Settings

PLAN = "plan"
_PROJECT = "countinghouse"
# Macros about branches, tests and DDL: they do not decide what a table contains.
_MACHINERY = "macros/branch/"

Node = Mapping[str, Any]


def load_graph(settings: Settings) -> Graph:
    """All models, parents first. Raises ContractError for a model that planning cannot follow."""
    return graph_of(load_manifest(settings))


def load_checks(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Per model the relations that its tests read and its own SQL does not.

    A test is part of a run only if each of them is in the branch, for the same dates.
    """
    project = Project(load_manifest(settings))
    found: dict[str, set[str]] = {}
    for test in project.tests:
        model = project.nodes.get(test.get("attached_node") or "")
        if model:
            parents = set(test["depends_on"]["nodes"]) - set(model["depends_on"]["nodes"])
            relations = {project.relation(p) for p in parents if p != model["unique_id"]}
            found.setdefault(project.relation(model["unique_id"]), set()).update(
                name for name in relations if not name.startswith(f"{PLAN}.")
            )
    return {model: tuple(sorted(relations)) for model, relations in found.items() if relations}


def personal_columns(settings: Settings) -> frozenset[str]:
    """Names of the columns whose values no message may show, in whichever table."""
    manifest = load_manifest(settings)
    return frozenset(
        column["name"]
        for part in ("nodes", "sources")
        for node in manifest[part].values()
        for column in node.get("columns", {}).values()
        if (column["config"]["meta"].get("pii") or "none") != "none"
    )


def graph_of(manifest: Mapping[str, Any]) -> Graph:
    """The graph of a manifest."""
    project = Project(manifest)
    parents = {
        key: [p for p in model["depends_on"]["nodes"] if p in project.models]
        for key, model in sorted(project.models.items())
    }
    ordered = graphlib.TopologicalSorter(parents).static_order()
    return Graph(tuple(_ModelReader(project, project.models[key]).model() for key in ordered))


@dataclass(frozen=True)
class _ModelReader:
    project: Project
    node: Node

    def model(self) -> Model:
        name = self.project.relation(self.node["unique_id"])
        columns = tuple(self._columns())
        return Model(
            name=name,
            folder=self.node["fqn"][2] if len(self.node["fqn"]) > 3 else "",
            shape=self.shape,
            edges=tuple(self._edges()),
            fingerprint=self._fingerprint(columns),
            columns=columns,
            comment=_one_line(self.node["description"]),
            money=self._money({column.name for column in columns}),
            rebuild_from=self._rebuild_from(),
            unique_id=self.node["unique_id"],
        )

    @cached_property
    def shape(self) -> Shape:
        return self.project.shape(self.node["unique_id"])

    def refuse(self, message: str, remedy: str) -> ContractError:
        return ContractError(f"{self.node['original_file_path']}: {message}", remedy=remedy)

    def _columns(self) -> Iterator[Column]:
        columns = list(self.node["columns"].values())
        where = [n for n, column in enumerate(columns) if column["name"] == "dt"]
        if self.shape is Shape.WHOLE and where:
            raise self.refuse("a column dt without partitions", "name the column for what it is")
        if self.shape is not Shape.WHOLE and where != [len(columns) - 1]:
            raise self.refuse("its contract does not end with dt", "declare dt as last column")
        for column in columns:
            if not column.get("data_type"):
                raise self.refuse(f"{column['name']} has no data_type", "declare its Spark type")
            comment = _one_line(column["description"])
            yield Column(names.identifier(column["name"]), column["data_type"].lower(), comment)

    def _money(self, known: set[str]) -> dict[str, str]:
        found = {}
        for column in self.node["columns"].values():
            if column["name"].endswith("_minor"):
                currency = column["config"]["meta"].get("currency", "currency")
                if currency not in known:
                    raise self.refuse(
                        f"{column['name']} has no currency: no column {currency}",
                        "add it, or name the column in config.meta.currency",
                    )
                found[column["name"]] = currency
        return found

    def _rebuild_from(self) -> str:
        value = self.node["config"]["meta"].get("rebuild_from")
        return names.date(str(value)) if value else ""

    def _fingerprint(self, columns: tuple[Column, ...]) -> str:
        config = self.node["config"]
        macros = {
            m["unique_id"]: normalised(m["macro_sql"]) for m in self.project.macros(self.node)
        }
        parts = [
            normalised(self.node["raw_code"]),
            sorted(macros.items()),
            [(column.name, column.type) for column in columns],
            config.get("partition_by") or [],
            config["meta"].get("history") or {},
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _edges(self) -> list[Edge]:
        code = self.node["raw_code"]
        self._nothing_hidden(calls(code, self.node["original_file_path"]))
        found: dict[str, Edge] = {}
        history = self.node["config"]["meta"].get("history") or {}
        for name in history.values():
            edge = Edge(self.project.relation(self._known(name)), Reads.SAME)
            found[edge.parent] = edge
        for call in calls(normalised(code), self.node["original_file_path"]):
            edge = self._feed_edge(call) if call.name == "source" else self._model_edge(call)
            if edge and (edge.parent not in found or edge.days >= found[edge.parent].days):
                found.setdefault(edge.parent, edge)
                if edge.reads is Reads.WINDOW:
                    found[edge.parent] = edge
        return list(found.values())

    def _nothing_hidden(self, written: list[Call]) -> None:
        """dbt also sees reads inside macros; the planner must not miss one."""
        known = {self._known(str(c.arguments[0])) for c in written if c.name != "source"} | {
            self._source(c) for c in written if c.name == "source"
        }
        for parent in self.node["depends_on"]["nodes"]:
            inside = parent in self.project.sources
            plan = inside and self.project.sources[parent]["source_name"] == PLAN
            if parent not in known and not plan:
                raise self.refuse(
                    f"it reads {parent} through a macro", "write the read in the model"
                )

    def _known(self, name: str) -> str:
        key = self.project.model_ids.get(name)
        if not key:
            raise self.refuse(f"no model {name}", "see the files under dbt_project/models")
        return key

    def _source(self, call: Call) -> str:
        system, feed = call.arguments
        key = f"source.{_PROJECT}.{system}.{feed}"
        if key not in self.project.sources:
            raise self.refuse(f"no source {system}.{feed}", "declare it in a sources file")
        return key

    def _feed_edge(self, call: Call) -> Edge | None:
        source = self.project.sources[self._source(call)]
        if source["source_name"] == PLAN:
            return None
        if self.node["schema"] != "staging" or self.shape is Shape.HISTORY:
            raise self.refuse("source() outside of staging", "read the feed's stg_ model")
        kind = source["config"]["meta"].get("landing", {}).get("kind")
        snapshot, whole = kind == "full_snapshot", self.shape is Shape.WHOLE
        reads = {
            (True, True): Reads.LATEST,
            (True, False): Reads.CHANGES,
            (False, True): Reads.WHOLE,
            (False, False): Reads.SLICES,
        }[snapshot, whole]
        return Edge(self.project.relation(source["unique_id"]), reads)

    def _model_edge(self, call: Call) -> Edge | None:
        key = self._known(str(call.arguments[0]))
        parent, shape = self.project.relation(key), self.project.shape(key)
        days = int(call.arguments[1]) if call.name == "history" else 0
        reads = self._reads(call, shape, days)
        return Edge(parent, reads, days) if reads else None

    def _reads(self, call: Call, parent: Shape, days: int) -> Reads | None:
        expected = {
            "ref": parent is not Shape.HISTORY,
            "as_of": parent is Shape.HISTORY,
            "history": parent is Shape.DAILY and days >= 0,
        }
        if not expected[call.name]:
            raise self.refuse(
                f"{call.name}({', '.join(map(repr, call.arguments))}) of a {parent} model",
                "use as_of() for dimensions with history, history() with days >= 0 for daily "
                "models, ref() for others",
            )
        if self.shape is Shape.HISTORY:
            return self._reads_of_history(str(call.arguments[0]), parent)
        if self.shape is Shape.WHOLE or parent is Shape.WHOLE:
            return Reads.WHOLE
        by_name = {"ref": Reads.SAME, "history": Reads.WINDOW, "as_of": Reads.AS_OF}
        return by_name[call.name]

    def _reads_of_history(self, name: str, parent: Shape) -> Reads | None:
        if parent is Shape.WHOLE:
            return Reads.WHOLE
        declared = self.node["config"]["meta"]["history"].values()
        if name not in declared:
            raise self.refuse(f"{name} is not in meta.history", "add it as `changes` or `seen`")
        return None


def _one_line(text: str) -> str:
    return " ".join(text.split())
