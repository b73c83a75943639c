"""The edges of a model: what each `ref`, `history`, `as_of` and `source` of its SQL means."""

from dataclasses import dataclass

from countinghouse.dbt.dbt_edges import Call, calls, uncommented
from countinghouse.dbt.dbt_nodes import Node, Project, refusal
from countinghouse.planning.model_graph import Edge, Reads, Shape

_FEEDS = {
    # (full snapshot, unpartitioned model)
    (True, True): Reads.LATEST,
    (True, False): Reads.CHANGES,
    (False, True): Reads.WHOLE,
    (False, False): Reads.SLICES,
}
_MODELS = {"ref": Reads.SAME, "history": Reads.WINDOW, "as_of": Reads.AS_OF}


def edges(project: Project, node: Node) -> tuple[Edge, ...]:
    """Parents of a model, each once; a window includes the date itself.

    Raises ContractError for a read that the planner could not follow.
    """
    return _Reader(project, node).edges()


@dataclass(frozen=True)
class _Reader:
    project: Project
    node: Node

    def edges(self) -> tuple[Edge, ...]:
        code, file = self.node["raw_code"], self.node["original_file_path"]
        written = calls(code, file)
        self._nothing_hidden(written)
        found = {edge.parent: edge for edge in self._declared()}
        for call in uncommented(code, written, file):
            edge = self._feed(call) if call.name == "source" else self._model(call)
            if edge and _covers(edge, found.get(edge.parent)):
                found[edge.parent] = edge
        return tuple(found.values())

    @property
    def shape(self) -> Shape:
        return self.project.shape(self.node["unique_id"])

    @property
    def history(self) -> dict[str, str]:
        return self.node["config"]["meta"].get("history") or {}

    def _declared(self) -> list[Edge]:
        # `changes` before `seen`: the planner folds the first.
        keys = [self._model_id(name) for _, name in sorted(self.history.items())]
        return [Edge(self.project.relation(key), Reads.SAME) for key in keys]

    def _nothing_hidden(self, written: list[Call]) -> None:
        """dbt also sees reads inside macros; the planner must not miss one."""
        known = {
            self._source_id(call) if call.name == "source" else self._model_id(call.arguments[0])
            for call in written
        }
        for parent in self.node["depends_on"]["nodes"]:
            if parent not in known and not self.project.is_plan(parent):
                raise refusal(
                    self.node, f"it reads {parent} through a macro", "write the read in the model"
                )

    def _model_id(self, name: str | int) -> str:
        try:
            return self.project.model_ids[str(name)]
        except KeyError:
            raise refusal(self.node, f"no model {name}", "see dbt_project/models") from None

    def _source_id(self, call: Call) -> str:
        system, feed = map(str, call.arguments)
        try:
            return self.project.source_id(system, feed)
        except KeyError:
            raise refusal(self.node, f"no source {system}.{feed}", "declare the feed") from None

    def _feed(self, call: Call) -> Edge | None:
        key = self._source_id(call)
        if self.project.is_plan(key):
            return None
        if self.node["schema"] != "staging" or self.shape is Shape.HISTORY:
            raise refusal(self.node, "source() outside of staging", "read the feed's stg_ model")
        landing = self.project.sources[key]["config"]["meta"].get("landing", {})
        kind, relation = landing.get("kind"), self.project.relation(key)
        if self.shape is Shape.DAILY and kind == "restated_report":
            return Edge(relation, Reads.RESTATED)
        if self.shape is Shape.DAILY and landing.get("keys_move"):
            return Edge(relation, Reads.MOVING, int(landing["max_lateness_days"]))
        return Edge(relation, _FEEDS[kind == "full_snapshot", self.shape is Shape.WHOLE])

    def _model(self, call: Call) -> Edge | None:
        key = self._model_id(call.arguments[0])
        parent = self.project.shape(key)
        days = int(call.arguments[1]) if call.name == "history" else 0
        self._fits(call, parent, days)
        relation = self.project.relation(key)
        if Shape.WHOLE in (self.shape, parent):
            return Edge(relation, Reads.WHOLE)
        if self.shape is Shape.HISTORY:
            # Its edges are those of meta.history; the SQL must not read more.
            self._must_be_declared(call)
            return None
        return Edge(relation, _MODELS[call.name], days)

    def _fits(self, call: Call, parent: Shape, days: int) -> None:
        fits = {
            "ref": parent is not Shape.HISTORY,
            "as_of": parent is Shape.HISTORY,
            "history": parent is Shape.DAILY and days >= 0,
        }
        if not fits[call.name]:
            arguments = ", ".join(map(repr, call.arguments))
            raise refusal(
                self.node,
                f"{call.name}({arguments}) of a {parent} model",
                "as_of() reads dimensions with history, history() days before of daily models, "
                "ref() all others",
            )

    def _must_be_declared(self, call: Call) -> None:
        if call.arguments[0] not in self.history.values():
            raise refusal(
                self.node,
                f"{call.arguments[0]} is not in meta.history",
                "name it there, as `changes` or `seen`",
            )


def _covers(edge: Edge, other: Edge | None) -> bool:
    """Whether `edge` reads all that `other` does: a longer window, or any instead of one date."""
    if other is None:
        return True
    return edge.reads is Reads.WINDOW and (
        other.reads is not Reads.WINDOW or edge.days > other.days
    )
