"""The shop in a stock set-up: spark-submit per task, a dbt call per model over Thrift, defaults.

The same feeds and models as a run of ours builds; 32 tests where ours has 40, no row set aside with
a reason, and nothing audited before it is read. What it shows is what starting a Java machine and a
dbt for each step costs.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import days
from benchmarks.measure import seconds
from countinghouse.contracts import Contract, load_contracts
from countinghouse.dbt.dbt_graph import load_graph
from countinghouse.landing.columns import raw_columns
from countinghouse.planning.model_graph import Graph, Model, Shape
from countinghouse.services import processes
from countinghouse.services.spark_program import program, spark_home
from countinghouse.settings import Settings
from tests.models.duck import spark_sql

FEEDS = ("ecb_fx.rates", "shop.customers", "shop.products", "shop.orders", "shop.order_items")
MODELS = (
    "staging.stg_ecb_fx__rates",
    "staging.stg_shop__customers",
    "staging.stg_shop__customers__rejected",
    "staging.stg_shop__products",
    "staging.stg_shop__orders",
    "staging.stg_shop__orders__rejected",
    "staging.stg_shop__order_items",
    "staging.stg_shop__order_items__rejected",
    "intermediate.int_customer_changes",
    "intermediate.int_products_seen",
    "intermediate.int_product_changes",
    "marts.dim_customers",
    "marts.dim_products",
    "marts.fct_order_lines",
    "marts.rpt_sales_daily",
    "marts.rpt_sales_trailing_7d",
)
# Run by spark-submit: read, cast, write one partition.
_LAND = """
import sys
from pyspark.sql import SparkSession
source, target, columns = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
reader = spark.read.option("header", True).option("nullValue", "N/A")
rows = reader.json(source) if source.endswith("jsonl") else reader.csv(source)
rows.selectExpr(*columns.split(" | ")).write.mode("overwrite").parquet(target)
"""
# Run by spark-submit: Great Expectations on the partition.
_GATE = """
import sys
import great_expectations as gx
from pyspark.sql import SparkSession
source, columns = sys.argv[1:]
frame = SparkSession.builder.getOrCreate().read.parquet(source)
context = gx.get_context(mode="ephemeral")
asset = context.data_sources.add_spark("files").add_dataframe_asset("feed")
batch = asset.add_batch_definition_whole_dataframe("all")
suite = gx.ExpectationSuite("suite", [
    gx.expectations.ExpectColumnValuesToNotBeNull(column=c) for c in columns.split(",")
])
checked = gx.ValidationDefinition(name="check", data=batch, suite=suite)
context.suites.add(suite)
context.validation_definitions.add(checked)
sys.exit(not checked.run(batch_parameters={"dataframe": frame}).success)
"""
_PROFILE = """
stock:
  target: dev
  outputs:
    dev: {{type: spark, method: thrift, host: 127.0.0.1, port: {port}, schema: default, threads: 1}}
"""
_PROJECT = "{name: stock, version: '1.0', profile: stock, model-paths: [models]}\n"


def measure(home: Path, lines: int, port: int) -> dict[str, float]:
    """Seconds of a day's tasks by kind, after a day before it that is not counted."""
    settings = Settings(home=home)
    contracts = {feed: load_contracts(settings.project)[feed] for feed in FEEDS}
    graph = load_graph(settings)
    days.deliver(settings, range(2), lines)
    _write_project(home, graph, port)
    server = _start_server(home, port)
    try:
        thrift = _connect(port)
        _prepare(thrift, home, graph, contracts)
        found: dict[str, float] = {}
        for n in range(2):
            found = {
                "land": seconds(lambda n=n: _land(home, settings, thrift, contracts, days.day(n))),
                "gate": seconds(lambda n=n: _gate(home, contracts, days.day(n))),
                "dbt": seconds(lambda n=n: _dbt(home, thrift, days.day(n))),
            }
        return found
    finally:
        processes.end_group(server, patience=10)


def _start_server(home: Path, port: int) -> subprocess.Popen[bytes]:
    """Spark's Thrift server as it comes."""
    metastore = f"jdbc:derby:;databaseName={home}/metastore;create=true"
    words = [
        *(program("spark-submit"), "--class"),
        "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2",
        *("--conf", f"spark.hadoop.javax.jdo.option.ConnectionURL={metastore}"),
        *("--conf", f"spark.hadoop.hive.server2.thrift.port={port}"),
        *("--conf", f"spark.sql.warehouse.dir={home}/warehouse"),
        "spark-internal",
    ]
    with (home / "thrift.log").open("wb") as log:
        return subprocess.Popen(
            words, cwd=home, env=_environment(), stdout=log, stderr=log, start_new_session=True
        )


def _environment() -> dict[str, str]:
    own = {"SPARK_HOME": str(spark_home()), "SPARK_LOCAL_IP": "127.0.0.1"}
    return os.environ | own | {"PYSPARK_PYTHON": sys.executable, "DO_NOT_TRACK": "1"}


def _connect(port: int) -> Any:
    from pyhive import hive

    end = time.monotonic() + 120
    while True:
        try:
            return hive.connect("127.0.0.1", port).cursor()
        except Exception:
            if time.monotonic() > end:
                raise
            time.sleep(1)


def _prepare(thrift: Any, home: Path, graph: Graph, contracts: dict[str, Contract]) -> None:
    """Tables of the raw feeds, and empty ones where a model reads what nobody delivers."""
    for feed, contract in contracts.items():
        columns = ", ".join(f"`{c.name}` {c.type}" for c in raw_columns(contract)[:-1])
        thrift.execute(
            f"create external table {feed.replace('.', '__')} ({columns})"
            f" partitioned by (dt string) stored as parquet location '{home}/raw/{feed}'"
        )
    read = {edge.parent for model in MODELS for edge in graph.by_name[model].edges}
    for relation in sorted(read - set(MODELS) - {f"raw.{f.replace('.', '__')}" for f in FEEDS}):
        _empty(thrift, graph.by_name[relation], relation.partition(".")[2])
    for history in ("dim_customers", "dim_products"):
        _empty(thrift, graph.by_name[f"marts.{history}"], f"{history}__previous")


def _empty(thrift: Any, model: Model, name: str) -> None:
    columns = ", ".join(f"`{column.name}` {column.type}" for column in model.columns)
    thrift.execute(f"create table {name} ({columns}) stored as parquet")


def _land(
    home: Path, settings: Settings, thrift: Any, contracts: dict[str, Contract], dt: str
) -> None:
    script = home / "land.py"
    script.write_text(_LAND)
    for feed, contract in contracts.items():
        folder = settings.landing_root / feed.replace(".", "/") / f"dt={dt}"
        (source,) = (file for file in folder.iterdir() if file.name != "_DONE")
        target = f"{home}/raw/{feed}/dt={dt}"
        _run(home, script, str(source), target, " | ".join(_columns(contract, dt)))
        table = f"{feed.replace('.', '__')}"
        thrift.execute(f"alter table {table} add if not exists partition (dt='{dt}')")


def _columns(contract: Contract, dt: str) -> list[str]:
    told = {
        "_business_date": f"'{dt}'",
        "_extra": "cast(map() as map<string,string>)",
        "_source_file": "input_file_name()",
        "_row_number": "monotonically_increasing_id()",
    }
    # A pointer into a JSON object names fields: `/after/name`.
    told |= {c.name: f"`{c.header.strip('/').replace('/', '`.`')}`" for c in contract.columns}
    return [
        f"cast({told.get(c.name, '1')} as {c.type}) as `{c.name}`"
        for c in raw_columns(contract)[:-1]
    ]


def _gate(home: Path, contracts: dict[str, Contract], dt: str) -> None:
    script = home / "gate.py"
    script.write_text(_GATE)
    for feed, contract in contracts.items():
        _run(home, script, f"{home}/raw/{feed}/dt={dt}", ",".join(contract.keys))


def _run(home: Path, script: Path, *words: str) -> None:
    subprocess.run(
        [program("spark-submit"), str(script), *words],
        cwd=home,
        env=_environment(),
        check=True,
        capture_output=True,
    )


def _write_project(home: Path, graph: Graph, port: int) -> None:
    folder = home / "dbt"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text(_PROJECT)
    (folder / "profiles.yml").write_text(_PROFILE.format(port=port))
    tested = []
    for name in MODELS:
        model, plain = graph.by_name[name], name.partition(".")[2]
        how = "materialized='table'"
        if model.shape is Shape.DAILY:
            how = (
                "materialized='incremental', incremental_strategy='insert_overwrite',"
                " partition_by=['dt'], file_format='parquet'"
            )
        text = f"{{{{ config({how}) }}}}\n{spark_sql(plain)}"
        (folder / "models" / f"{plain}.sql").write_text(text)
        first, *_ = model.columns
        tests = [{"name": c, "data_tests": ["not_null"]} for c in (first.name, "dt")]
        tested.append({"name": plain, "columns": tests})
    # YAML is a superset of JSON.
    schema = json.dumps({"version": 2, "models": tested})
    (folder / "models" / "schema.yml").write_text(schema)


def _dbt(home: Path, thrift: Any, dt: str) -> None:
    thrift.execute("drop table if exists run_dates")
    rows = ", ".join(
        f"('{name.partition('.')[2]}', '{dt}', cast(null as string), '{dt}')" for name in MODELS
    )
    thrift.execute(
        "create table run_dates stored as parquet as select * from"
        f" values {rows} as rows(model, dt, previous_dt, restated_by)"
    )
    for name in MODELS:
        done = subprocess.run(
            ["dbt", "build", "--select", name.partition(".")[2], "--profiles-dir", "."],
            cwd=home / "dbt",
            env=_environment(),
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stdout[-3000:]}")
