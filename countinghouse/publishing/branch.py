"""The branch schema of an attempt: one relation for every relation that its models read.

A relation that the attempt does not build is an external table over the pinned versions, so that
a model reads exactly what the plan recorded. Dropping a branch drops no file.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from countinghouse import names
from countinghouse.engine_session import run_script
from countinghouse.planning.model_graph import Column
from countinghouse.planning.pinning import RunDate

# A statement with more clauses than this parses slower than two statements.
_CLAUSES = 500
_RUN_DATES = ("model", *RunDate._fields)


def branch_schema(attempt_id: str) -> str:
    """Name of the branch of an attempt."""
    return names.identifier(f"branch_{attempt_id.replace('-', '_')}")


def create(
    session: Any,
    *,
    schema: str,
    attempt_root: Path,
    run_dates: Mapping[str, Iterable[RunDate]],
    pins: Mapping[str, Mapping[str, Path]],
    columns: Mapping[str, Sequence[Column]],
) -> None:
    """Create the branch; relations are named `schema.table` as published.

    `columns` has every relation that is read and not built here; pinned directories are absolute,
    and exist, also those of partitions without rows.
    """
    root = attempt_root / "_branch"
    location = _text(str(root))
    dates = [
        (
            _table(name),
            names.partition(dt),
            *(names.date(other) if other else None for other in rest),
        )
        for name, days in run_dates.items()
        for dt, *rest in days
    ]
    statements = [
        f"create database {names.identifier(schema)} location {location}",
        _written(schema, root / "run_dates", _RUN_DATES, dates),
    ]
    for relation in sorted(columns):
        statements += _pinned(schema, root, relation, columns[relation], pins.get(relation))
    run_script(session, statements)


def drop(session: Any, schema: str) -> None:
    """Drop the branch, if it is there, and none of its files."""
    session.sql(f"drop database if exists {names.identifier(schema)} cascade")


def _written(
    schema: str, folder: Path, header: Sequence[str], rows: Sequence[Sequence[str | None]]
) -> str:
    """Write the rows, and return the statement that makes a relation of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True)
    fields = pa.schema([(column, pa.string()) for column in header])
    content = [dict(zip(header, row, strict=True)) for row in rows]
    pq.write_table(pa.Table.from_pylist(content, fields), folder / "rows.parquet")
    columns = [Column(column, "string") for column in header]
    return _table_over(schema, folder.name, columns, folder)


def _pinned(
    schema: str,
    root: Path,
    relation: str,
    columns: Sequence[Column],
    pins: Mapping[str, Path] | None,
) -> Iterator[str]:
    table, places = _table(relation), dict(pins or {})
    partitioned = columns[-1].name == "dt"
    empty = root / table
    yield _table_over(
        schema, table, columns, empty if partitioned else places.get(names.WHOLE, empty)
    )
    clauses = [
        f"partition (dt = {_text(names.date(dt))}) location {_text(str(place))}"
        for dt, place in sorted(places.items())
        if partitioned
    ]
    for start in range(0, len(clauses), _CLAUSES):
        yield f"alter table {schema}.{table} add {' '.join(clauses[start : start + _CLAUSES])}"


def _table_over(schema: str, table: str, columns: Sequence[Column], location: Path) -> str:
    partitioned = columns[-1].name == "dt"
    body = ", ".join(
        f"{_quoted(column.name)} {column.type}"
        for column in (columns[:-1] if partitioned else columns)
    )
    return (
        f"create external table {schema}.{table} ({body}) "
        f"{'partitioned by (dt string) ' if partitioned else ''}"
        f"stored as parquet location {_text(str(location))}"
    )


def _table(relation: str) -> str:
    return names.table(relation).partition(".")[2]


def _quoted(column: str) -> str:
    return "`" + column.replace("`", "``") + "`"


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
