"""The planner's graph, from the dbt project: models, what they read, their fingerprints."""

import functools
import graphlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from countinghouse import names
from countinghouse.dbt.dbt_edges import normalised
from countinghouse.dbt.dbt_manifest import load_manifest, manifest_path, read_manifest
from countinghouse.dbt.dbt_nodes import Node, Project, refusal
from countinghouse.dbt.dbt_reads import edges
from countinghouse.planning.model_graph import Column, Graph, Model, Shape
from countinghouse.settings import Settings


def load_graph(settings: Settings) -> Graph:
    """All models, parents first. Raises ContractError for a model that planning cannot follow."""
    return _graph(manifest_path(settings))


@functools.lru_cache(maxsize=2)
def _graph(manifest: Path) -> Graph:
    return graph_of(read_manifest(manifest))


def graph_of(manifest: Mapping[str, Any]) -> Graph:
    """The graph of a manifest."""
    project = Project(manifest)
    parents = {
        key: [parent for parent in model["depends_on"]["nodes"] if parent in project.models]
        for key, model in sorted(project.models.items())
    }
    ordered = graphlib.TopologicalSorter(parents).static_order()
    return Graph(tuple(_model(project, project.models[key]) for key in ordered))


def load_checks(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Per model the relations that its tests read and its own SQL does not.

    A test is part of a run only if each of them is in the branch, for the same dates.
    """
    project = Project(load_manifest(settings))
    found: dict[str, set[str]] = {}
    for model, reads in project.tests():
        known = {model, *project.models[model]["depends_on"]["nodes"]}
        more = {
            project.relation(key) for key in reads if key not in known and not project.is_plan(key)
        }
        found.setdefault(project.relation(model), set()).update(more)
    return {model: tuple(sorted(more)) for model, more in found.items() if more}


def personal_columns(settings: Settings) -> frozenset[str]:
    """Names of the columns whose values no message may show, in whichever table."""
    project = Project(load_manifest(settings))
    return frozenset(
        column["name"]
        for node in (*project.models.values(), *project.sources.values())
        for column in node["columns"].values()
        if (column["config"]["meta"].get("pii") or "none") != "none"
    )


def _model(project: Project, node: Node) -> Model:
    key, meta = node["unique_id"], node["config"]["meta"]
    _refuse_writing_in_place(node)
    shape = project.shape(key)
    columns = tuple(_columns(node, shape))
    return Model(
        name=project.relation(key),
        folder=node["fqn"][2] if len(node["fqn"]) > 3 else "",
        shape=shape,
        edges=edges(project, node),
        fingerprint=_fingerprint(project, node, columns),
        columns=columns,
        comment=_one_line(node["description"]),
        money=_money(node),
        rebuild_from=names.date(str(meta["rebuild_from"])) if meta.get("rebuild_from") else "",
        unique_id=key,
    )


def _refuse_writing_in_place(node: Node) -> None:
    """Of dbt's materializations only `table` writes a whole new directory."""
    kind, alias = node["config"]["materialized"], node["alias"]
    if kind != "table":
        raise refusal(node, f"it is materialized as {kind}", "leave `materialized` as it is: table")
    # A branch is one schema: two models of one alias would be one table there.
    if alias != node["name"]:
        raise refusal(node, f"its alias is {alias}", "name the file as the table")


def _columns(node: Node, shape: Shape) -> Iterator[Column]:
    declared = list(node["columns"].values())
    dt = [n for n, column in enumerate(declared) if column["name"] == "dt"]
    if shape is Shape.WHOLE and dt:
        raise refusal(node, "a column dt without partitions", "name the column for what it is")
    if shape is not Shape.WHOLE and dt != [len(declared) - 1]:
        raise refusal(node, "its contract does not end with dt", "declare dt as last column")
    for column in declared:
        if not column.get("data_type"):
            raise refusal(node, f"{column['name']} has no data_type", "declare its Spark type")
        name, comment = names.identifier(column["name"]), _one_line(column["description"])
        is_place = bool(column["config"]["meta"].get("place"))
        yield Column(name, column["data_type"].lower(), comment, is_place)


def _money(node: Node) -> dict[str, str]:
    """Columns `*_minor` with the column of their currency."""
    found = {}
    for column in node["columns"].values():
        if column["name"].endswith("_minor"):
            currency = column["config"]["meta"].get("currency", "currency")
            if currency not in node["columns"]:
                raise refusal(
                    node,
                    f"{column['name']} has no currency: no column {currency}",
                    "add it, or name the column in config.meta.currency",
                )
            found[column["name"]] = currency
    return found


def _fingerprint(project: Project, node: Node, columns: Sequence[Column]) -> str:
    config = node["config"]
    macros = {macro["unique_id"]: normalised(macro["macro_sql"]) for macro in project.macros(node)}
    parts = [
        normalised(node["raw_code"]),
        sorted(macros.items()),
        [(column.name, column.type) for column in columns],
        config.get("partition_by") or [],
        config["meta"].get("history") or {},
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _one_line(text: str) -> str:
    return " ".join(text.split())
