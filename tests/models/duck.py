"""A model's SQL on DuckDB: for tests that run it hundreds of times, or over a year, in seconds.

The engine runs the same text; what differs between the two dialects is rewritten here.
"""

import csv
import functools
import gzip
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import duckdb
import jinja2
import yaml

from countinghouse.contracts import Column, Contract
from countinghouse.landing.formats import json_files
from countinghouse.landing.formats.shape import FileShape, SourceFile
from countinghouse.planning.pinning import RunDate

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
MACROS = ("money", "rows", "currency", "snapshots", "windows")
# Of the reads, what is SQL and no question to the plan.
READS = re.compile(r"{% macro (?:restated|moving)\(.*?endmacro %}", re.DOTALL)
TYPES = {"string": "varchar", "int": "integer"}


def _unstacked(found: re.Match[str]) -> str:
    """Pairs of a text and a column, one row each."""
    pairs = re.findall(r"('\w+'), (\w+)", found[1])
    texts, values = (", ".join(each) for each in zip(*pairs, strict=True))
    return f"unnest([{texts}]) as {found[2]}, unnest([{values}]) as {found[3]}"


DIALECT: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"\bexcept \((?=\w+(?:, \w+)*\))", "exclude ("),
    (r"\bstack\(\s*\d+,((?:\s*'\w+', \w+,?)+)\s*\) as \((\w+), (\w+)\)", _unstacked),
    (r"\bstruct\(", "row("),
    (r"\barray\(", "list_value("),
    (r"\braise_error\(", "error("),
    (r"\belement_at\(", "list_extract("),
    (r"\bsize\(", "len("),
    (r"\btimestamp_seconds\((\w+)\)", r"make_timestamp(\1 * 1000000)"),
    (r"\bdate_sub\((cast\([^)]*\)), ([\w.]+)\)", r"(\1 - \2)"),
    (r"\bdatediff\((cast\([^)]*\)), (cast\((?:[^()]|\([^()]*\))*\))\)", r"(\1 - \2)"),
    (r"(\d+e-?\d+)BD", r"cast(\1 as decimal(18, 6))"),
    (r"\b(?:raw|staging|intermediate|marts)\.", ""),
)
LANDED = (
    "_business_date varchar",
    "_delivery bigint",
    "_delivery_version integer",
    "_delivery_sequence integer",
    "_source_file varchar",
    "_row_number bigint",
    "dt varchar",
)
Dates = Iterable[tuple[str | None, ...]]


class Warehouse:
    """A database in memory whose tables have the published names, without their schemas."""

    def __init__(self) -> None:
        self.database = duckdb.connect()
        self.database.execute("set timezone = 'UTC'")
        self.create("run_dates", [f"{name} varchar" for name in ("model", *RunDate._fields)])

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Rows of a query in the engine's dialect."""
        return self.database.execute(translated(query)).fetchall()

    def create(self, relation: str, columns: Iterable[str]) -> None:
        """An empty table; columns as `name type`."""
        self.database.execute(f"create or replace table {relation} ({', '.join(columns)})")

    def fill(self, relation: str, rows: Iterable[Iterable[object]]) -> None:
        """Append rows."""
        listed = [list(row) for row in rows]
        if listed:
            marks = ", ".join(f"({', '.join('?' for _ in row)})" for row in listed)
            values = [value for row in listed for value in row]
            self.database.execute(f"insert into {relation} values {marks}", values)

    def build(self, model: str, dates: Dates = (), text: str = "") -> None:
        """Build the model for its dates; see `RunDate` for what comes with each.

        With `text` in place of the SQL that the project has for it.
        """
        self.database.execute("delete from run_dates")
        self.fill("run_dates", ((model, *RunDate(*date)) for date in dates))
        query = filled(model, text) if text else sql(model)
        self.database.execute(f"create or replace table {model} as {query}")

    def empty(self, model: str, relation: str = "") -> None:
        """The model's table, or one with its columns, without rows."""
        self.create(relation or model, _columns(model))

    def land(self, contract: Contract, root: Path) -> None:
        """Read clean deliveries of a feed: what landing does, without its checks."""
        self.create(
            contract.feed.relation,
            [*(f'"{c.name}" {TYPES.get(c.type, c.type)}' for c in contract.columns), *LANDED],
        )
        folder = root / contract.system / contract.name
        if folder.is_dir():
            source = self._documents if contract.format.type == "json" else _csv
            self.database.execute(
                f"insert into {contract.feed.relation} select {', '.join(_landed(contract))} "
                f"from {source(contract, folder)}"
            )

    def _documents(self, contract: Contract, folder: Path) -> str:
        """The records of JSON documents as texts, by the reader of landing, under their headers."""
        shape = FileShape.of(contract)
        self.create("documents", [f'"{c.header}" varchar' for c in contract.columns])
        self.database.execute("alter table documents add column filename varchar")
        for path in sorted(folder.glob("*/*.json*")):
            file = SourceFile(path)
            found = json_files.records(file, shape, json_files.layout(file, shape))
            self.fill("documents", ([*record.fields, str(path)] for record in found))
        return "documents"


def _macros() -> str:
    texts = {path.stem: path.read_text() for path in (PROJECT / "macros").glob("*.sql")}
    return "".join([*(texts[name] for name in MACROS), *READS.findall(texts["reads"])])


def rendered(text: str, run_dates: str) -> str:
    """A piece of a model on DuckDB, where `run_dates` is what run_dates() gives."""
    return translated(jinja2.Template(_macros() + text).render(run_dates=lambda: run_dates))


@functools.cache
def sql(model: str) -> str:
    """The model's SQL for DuckDB; see `filled`."""
    return filled(model, _text_of(model))


def spark_sql(model: str) -> str:
    """The model's SQL for the engine; see `filled`."""
    return _rendering(model, _text_of(model))


@functools.cache
def filled(model: str, text: str) -> str:
    """The model's text with every relation under its plain name, e.g. `dim_products__previous`."""
    return translated(_rendering(model, text))


def _text_of(model: str) -> str:
    return next(PROJECT.glob(f"models/**/{model}.sql")).read_text()


def _rendering(model: str, text: str) -> str:
    return jinja2.Template(_macros() + text).render(
        config=lambda **_: "",
        ref=lambda name: name,
        history=lambda name, days: name,
        as_of=lambda name: name,
        source=lambda system, feed: f"{system}__{feed}",
        run_dates=lambda: (
            f"(select dt, previous_dt, restated_by from run_dates where model = '{model}')"
        ),
        previous_state=lambda: f"{model}__previous",
    )


def translated(text: str) -> str:
    """The engine's SQL in the dialect of DuckDB."""
    for spark, duck in DIALECT:
        text = re.sub(spark, duck, text)
    return text


def _columns(model: str) -> list[str]:
    path = next(PROJECT.glob(f"models/**/{model}.yml"))
    columns = yaml.safe_load(path.read_text())["models"][0]["columns"]
    return [f"{c['name']} {TYPES.get(c['data_type'], c['data_type'])}" for c in columns]


def _csv(contract: Contract, folder: Path) -> str:
    """The texts of the delivered files under their headers."""
    declared = contract.format
    names = [column.header for column in contract.columns]
    if declared.header:
        names = _header(next(folder.glob("*/*.csv*")), declared.delimiter)
    texts = ", ".join(f"'{name}': 'varchar'" for name in names)
    return (
        f"read_csv('{folder}/*/*.csv*', header = {declared.header}, skip = {declared.preamble}, "
        f"quote = '\"', delim = '{declared.delimiter}', filename = true, auto_detect = false, "
        f"columns = {{{texts}}})"
    )


def _header(path: Path, delimiter: str) -> list[str]:
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    return next(csv.reader([text.decode("utf-8-sig").splitlines()[0]], delimiter=delimiter))


def _text(column: Column) -> str:
    nulls = ", ".join(f"'{null}'" for null in column.null_values)
    return f'case when "{column.header}" not in ({nulls}) then "{column.header}" end'


def _landed(contract: Contract) -> Iterator[str]:
    for column in contract.columns:
        yield f"cast({_typed(column)} as {TYPES.get(column.type, column.type)})"
    delivery = "regexp_extract(filename, 'dt=([0-9-]+)', 1)"
    yield delivery if contract.business_date.delivery else f"cast({_day(contract)} as varchar)"
    yield from ("1", "1", "0", "filename", "row_number() over ()", delivery)


def _typed(column: Column) -> str:
    text = _text(column)
    if column.treatment == "drop":
        return "null"
    if column.parsed.name == "decimal" and column.round_within is not None:
        # Such a column may have exponents, which only a double reads.
        return f"cast({text} as double)"
    if column.parsed.name == "date" and column.format:
        pattern = column.format.replace("yyyy", "%Y").replace("MM", "%m").replace("dd", "%d")
        return f"strptime({text}, '{pattern}')"
    if column.parsed.name == "timestamp":
        return f"cast(regexp_replace({text}, ' (UTC|[+]0000)$', '+00') as timestamptz)"
    return text


def _day(contract: Contract) -> str:
    column = contract.column(contract.business_date.column)
    if column.type == "date":
        return f"cast({_typed(column)} as date)"
    return f"cast(timezone('{contract.business_date.zone}', {_typed(column)}) as date)"
