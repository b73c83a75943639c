"""The project's own models behind the planner, their SQL run by DuckDB on what a plan pins."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from models.duck import LANDED, TYPES, Warehouse
from planning.world_feeds import Delivery, Feed, Row, Rows

from countinghouse.contracts import Contract
from countinghouse.landing.columns import business_columns
from countinghouse.names import WHOLE
from countinghouse.planning.model_graph import Column, Graph, Model, Shape
from countinghouse.planning.pinning import RunDate

Relation = Mapping[str, Sequence[Row]]
_SEQUENCE = [column.partition(" ")[0] for column in LANDED].index("_delivery_sequence")


class DuckModels:
    """Models of the graph that hang from the feeds; `texts` replaces the SQL of some of them."""

    def __init__(
        self, graph: Graph, contracts: Iterable[Contract], texts: Mapping[str, str] | None = None
    ) -> None:
        self.contracts = {contract.feed.raw: contract for contract in contracts}
        self.feeds = {raw: _feed(contract) for raw, contract in self.contracts.items()}
        self.texts = texts or {}
        self.models = below(graph, self.feeds)
        self.columns: dict[str, Sequence[str]] = {
            model.name: [_sql(column) for column in model.columns] for model in graph.models
        }
        self.kept = {
            model.name: [n for n, column in enumerate(model.columns) if not column.is_place]
            for model in self.models
        }
        for raw, contract in self.contracts.items():
            self.columns[raw] = [*map(_sql, business_columns(contract)), *LANDED]
        self.warehouse = Warehouse()
        # On a few rows planning takes longest.
        self.warehouse.database.execute("set threads = 1")
        self.warehouse.database.execute("pragma disable_optimizer")

    def graph(self, codes: Mapping[str, int], rebuild_from: Mapping[str, str]) -> Graph:
        return Graph(
            tuple(
                replace(
                    model,
                    fingerprint=f"{model.fingerprint} {codes.get(model.name, 0)}",
                    rebuild_from=rebuild_from.get(model.name, ""),
                )
                for model in self.models
            )
        )

    def landed(self, feed: str, dt: str, sent: Mapping[int, Delivery]) -> tuple[Row, ...]:
        """Typed rows; those in conflict with another of their delivery are left out."""
        rows = [row for seq, each in sent.items() for row in self._dated(feed, dt, seq, each)]
        self.warehouse.create("typed", self.columns[feed])
        self.warehouse.fill("typed", rows)
        return tuple(self.warehouse.rows("select * from typed"))

    def _dated(self, feed: str, dt: str, seq: int, delivery: Delivery) -> Iterator[Row]:
        contract = self.contracts[feed]
        names, dated = [column.name for column in contract.columns], contract.business_date
        identity = [names.index(name) for name in contract.identity]
        said: dict[Row, set[Row]] = {}
        for row in delivery.rows:
            said.setdefault(tuple(row[at] for at in identity), set()).add(row)
        for n, row in enumerate(delivery.rows, start=1):
            day = dt if dated.delivery else row[names.index(dated.column)][:10]
            if len(said[tuple(row[at] for at in identity)]) == 1:
                yield (*row, day, delivery.position, delivery.version, seq, "file", n, dt)

    def content(self, table: str, rows: Rows) -> Rows:
        """Without columns of place; raw rows with the sequence of their delivery."""
        if table in self.contracts:
            sequence = self.feeds[table].sequence or 0
            declared = len(self.contracts[table].columns)
            return [(*row[:declared], max(row[sequence], 1)) for row in rows]
        kept = self.kept[table]
        return [tuple(row[n] for n in kept) for row in rows]

    def compute(
        self, model: Model, branch: Mapping[str, Relation], runs: Sequence[RunDate], code: int
    ) -> Iterator[tuple[str, Row]]:
        """Rows of the model's table; one whose code was changed leaves out some of them."""
        for edge in model.edges:
            self._show(edge.parent, branch)
        if model.shape is Shape.HISTORY:
            self._show(f"{model.name}__previous", branch)
        self.warehouse.build(model.table, runs, self.texts.get(model.table, ""))
        columns = ", ".join(column.name for column in model.columns)
        kept = (
            f"hash({columns}) % 4 <> {code % 4}" if code and model.shape is Shape.DAILY else "true"
        )
        for row in self.warehouse.rows(f"select {columns} from {model.table} where {kept}"):
            yield (WHOLE if model.shape is Shape.WHOLE else str(row[-1])), row

    def _show(self, relation: str, branch: Mapping[str, Relation]) -> None:
        rows = itertools.chain.from_iterable(branch.get(relation, {}).values())
        name = relation.partition(".")[2]
        self.warehouse.create(name, self.columns[relation.removesuffix("__previous")])
        self.warehouse.fill(name, rows)


def below(graph: Graph, feeds: Iterable[str]) -> tuple[Model, ...]:
    """Models that are made of these feeds, and be it among others."""
    found = set(feeds)
    for model in graph.models:
        if any(edge.parent in found for edge in model.edges):
            found.add(model.name)
    return tuple(model for model in graph.models if model.name in found)


def _feed(contract: Contract) -> Feed:
    names = [column.name for column in contract.columns]
    log = contract.changes
    return Feed(
        contract.kind,
        day=len(names),
        restates_days=contract.restates_days,
        position=names.index(log.position) if log and log.contiguous else None,
        sequence=len(names) + _SEQUENCE,
    )


def _sql(column: Column) -> str:
    return f'"{column.name}" {TYPES.get(column.type, column.type)}'
