"""A model's SQL on DuckDB: for tests that run it hundreds of times, or over a year, in seconds.

The engine runs the same text; what differs between the two dialects is rewritten here.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import jinja2

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
MACROS = ("money", "rows", "currency")
DIALECT = (
    (r"\bexcept \((?=\w+(?:, \w+)*\))", "exclude ("),
    (r"\bstruct\(", "row("),
    (r"\barray\(", "list_value("),
    (r"\braise_error\(", "error("),
    (r"\bdate_sub\((cast\([^)]*\)), (\d+)\)", r"(\1 - \2)"),
    (r"(\d+e-?\d+)BD", r"cast(\1 as decimal(18, 6))"),
)


def connect() -> duckdb.DuckDBPyConnection:
    """A database in memory, in UTC."""
    database = duckdb.connect()
    database.execute("set timezone = 'UTC'")
    return database


def sql(model: str) -> str:
    """The model's text with every relation under its plain name, e.g. `dim_products__previous`."""
    path = next(PROJECT.glob(f"models/**/{model}.sql"))
    macros = "".join((PROJECT / "macros" / f"{name}.sql").read_text() for name in MACROS)
    rendered = jinja2.Template(macros + path.read_text(), extensions=["jinja2.ext.do"]).render(
        config=lambda **_: "",
        ref=lambda name: name,
        history=lambda name, days: name,
        as_of=lambda name: name,
        source=lambda system, feed: f"{system}__{feed}",
        run_dates=lambda: f"(select dt, previous_dt from run_dates where model = '{model}')",
        previous_state=lambda: f"{model}__previous",
    )
    for spark, duck in DIALECT:
        rendered = re.sub(spark, duck, rendered)
    return rendered


def create(database: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]) -> None:
    """An empty table; columns as `name type`."""
    database.execute(f"create or replace table {relation} ({', '.join(columns)})")


def run_dates(database: duckdb.DuckDBPyConnection, model: str, dts: Iterable[str]) -> None:
    """Say which dates the model builds, without a snapshot before them."""
    create(database, "run_dates", ["model varchar", "dt varchar", "previous_dt varchar"])
    for dt in dts:
        database.execute("insert into run_dates values (?, ?, null)", [model, dt])


def build(database: duckdb.DuckDBPyConnection, model: str) -> None:
    """Build the model as a table of its name."""
    database.execute(f"create or replace table {model} as {sql(model)}")
