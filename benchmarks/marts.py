"""The same SQL of the same models on the engine and on DuckDB, files written by date, in turns."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.measure import median, seconds
from countinghouse.contracts import load_contracts
from countinghouse.dbt.dbt_graph import load_graph
from countinghouse.engine_session import open_session
from countinghouse.errors import CountinghouseError
from countinghouse.landing.columns import raw_columns
from countinghouse.names import plus_days
from countinghouse.planning.model_graph import Column, Graph
from countinghouse.questions.files import published_files
from countinghouse.settings import Settings
from tests.models import duck

CORES = 2
MODELS = (
    "staging.stg_shop__orders",
    "staging.stg_shop__order_items",
    "intermediate.int_products_seen",
    "marts.fct_order_lines",
    "marts.rpt_sales_daily",
)
# The one statement that computes and writes a model; what it needs is there when it is called.
Write = Callable[[], object]
Prepared = Callable[[str], Write]


@dataclass(frozen=True)
class Mart:
    """Medians of the seconds that a model takes."""

    model: str
    engine: float
    duckdb: float

    @property
    def ratio(self) -> float:
        """How many times as long the engine takes."""
        return round(self.engine / self.duckdb, 2)


def compare(settings: Settings, dt: str, *, rounds: int = 3) -> list[Mart]:
    """Each model for one date that is published, on both, in turns; the last one is their sum."""
    graph = load_graph(settings)
    folder = settings.home / "bench"
    engine, database = (
        _on_engine(settings, graph, dt, folder),
        _on_duckdb(settings, graph, dt, folder),
    )
    took: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds + 1):
        for model in MODELS:
            for name, run in (("engine", engine), ("duckdb", database)):
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                write = run(model)
                time = seconds(write)
                # The first round compiles.
                if number:
                    took.setdefault((model, name), []).append(time)
    marts = [
        Mart(model, median(took[model, "engine"]), median(took[model, "duckdb"]))
        for model in MODELS
    ]
    total = Mart("all", sum(m.engine for m in marts), sum(m.duckdb for m in marts))
    return [*marts, total]


def _on_engine(settings: Settings, graph: Graph, dt: str, folder: Path) -> Prepared:
    session = open_session(settings, name="bench")
    session.sql("create database if not exists bench")
    for relation, columns in _relations(settings, graph).items():
        name = relation.partition(".")[2]
        source = f"select * from {relation}"
        if not _files(settings, relation):
            nulls = ", ".join(f"cast(null as {c.type}) as `{c.name}`" for c in columns)
            source = f"select {nulls} where false"
        session.sql(f"create or replace temporary view {name} as {source}")

    def prepared(model: str) -> Write:
        name = model.partition(".")[2]
        session.sql(f"drop table if exists bench.{name}")
        _run_dates(lambda query: session.sql(query), model, dt)
        return lambda: session.sql(
            f"create table bench.{name} using parquet partitioned by (dt)"
            f" location '{folder}/{name}'"
            f" as select /*+ rebalance(dt) */ * from ({duck.spark_sql(name)})"
        )

    return prepared


def _on_duckdb(settings: Settings, graph: Graph, dt: str, folder: Path) -> Prepared:
    database = duckdb.connect()
    database.execute(f"set threads = {CORES}; set timezone = 'UTC'")
    for relation, columns in _relations(settings, graph).items():
        name, files = relation.partition(".")[2], _files(settings, relation)
        if files:
            database.execute(
                f"create view {name} as select * from read_parquet({files},"
                " hive_partitioning = true, hive_types_autocast = false, union_by_name = true)"
            )
        else:
            types = ", ".join(f'"{c.name}" {duck.TYPES.get(c.type, c.type)}' for c in columns)
            database.execute(f"create table {name} ({types})")

    def prepared(model: str) -> Write:
        name = model.partition(".")[2]
        _run_dates(database.execute, model, dt)
        return lambda: database.execute(
            f"copy ({duck.sql(name)}) to '{folder}/{name}' (format parquet, partition_by (dt))"
        )

    return prepared


def _run_dates(execute: Callable[[str], object], model: str, dt: str) -> None:
    name = model.partition(".")[2]
    execute(
        f"create or replace temporary view run_dates as select '{name}' as model, '{dt}' as dt,"
        f" '{plus_days(dt, -1)}' as previous_dt, '{dt}' as restated_by"
    )


def _relations(settings: Settings, graph: Graph) -> dict[str, Sequence[Column]]:
    """What the models read, with its columns."""
    raw = {c.feed.raw: raw_columns(c) for c in load_contracts(settings.project).values()}
    read = {edge.parent for model in MODELS for edge in graph.by_name[model].edges}
    return {name: raw.get(name) or graph.by_name[name].columns for name in sorted(read)}


def _files(settings: Settings, relation: str) -> list[str]:
    try:
        found = published_files(settings, relation)
    except CountinghouseError:
        return []
    return [str(file) for one in found for file in sorted(one.directory.glob("*.parquet"))]
