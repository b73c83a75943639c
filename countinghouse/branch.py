"""The branch schema of an attempt: one relation for every relation that its models read.

A relation that the attempt does not build is an external table over the pinned versions, so that
a model reads exactly what the plan recorded. Dropping a branch drops no file.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from countinghouse import names
from countinghouse.model_graph import Column

RunDate = tuple[str, str | None]
# A statement with more clauses than this parses slower than two statements.
_CLAUSES = 500


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
    built: Iterable[str],
) -> None:
    """Create the branch; relations are named `schema.table` as published.

    `columns` has every relation that is read and not `built`; pinned directories are absolute,
    and exist, also those of partitions without rows. Pins of a relation that is built here are
    added to it when it has been built.
    """
    building, root = set(built), f"{attempt_root}/_branch"
    session.sql(f"create database {names.identifier(schema)} location {_text(root)}")
    for statement in (
        *_plan_views(schema, run_dates, {name: pins.get(name, {}) for name in building}),
        *(
            statement
            for relation in sorted(columns.keys() - building)
            for statement in _pinned(schema, root, relation, columns[relation], pins.get(relation))
        ),
    ):
        session.sql(statement)


def drop(session: Any, schema: str) -> None:
    """Drop the branch, if it is there, and none of its files."""
    session.sql(f"drop database if exists {names.identifier(schema)} cascade")


def _plan_views(
    schema: str,
    run_dates: Mapping[str, Iterable[RunDate]],
    pins: Mapping[str, Mapping[str, Path]],
) -> Iterator[str]:
    dates = [
        (_table(name), names.partition(dt), names.partition(previous) if previous else None)
        for name, days in run_dates.items()
        for dt, previous in days
    ]
    places = [
        (_table(name), names.partition(dt), str(location))
        for name, partitions in pins.items()
        for dt, location in partitions.items()
    ]
    yield _view(schema, "run_dates", ("model", "dt", "previous_dt"), dates)
    yield _view(schema, "pins", ("model", "dt", "location"), places)


def _view(
    schema: str, name: str, header: Sequence[str], rows: Sequence[Sequence[str | None]]
) -> str:
    # The row of nulls gives the columns their type when there is no other.
    values = ", ".join(f"({', '.join(map(_text, row))})" for row in [*rows, [None for _ in header]])
    select = ", ".join(f"cast({column} as string) as {column}" for column in header)
    return (
        f"create view {schema}.{name} as select {select} "
        f"from values {values} as t({', '.join(header)}) where {header[0]} is not null"
    )


def _pinned(
    schema: str,
    root: str,
    relation: str,
    columns: Sequence[Column],
    pins: Mapping[str, Path] | None,
) -> Iterator[str]:
    table, places = _table(relation), dict(pins or {})
    partitioned = columns[-1].name == "dt"
    body = ", ".join(
        f"{_quoted(column.name)} {column.type}"
        for column in (columns[:-1] if partitioned else columns)
    )
    location = f"{root}/{table}" if partitioned else places.get(names.WHOLE, f"{root}/{table}")
    yield (
        f"create external table {schema}.{table} ({body}) "
        + ("partitioned by (dt string) " if partitioned else "")
        + f"stored as parquet location {_text(str(location))}"
    )
    if partitioned:
        yield from _add_partitions(f"{schema}.{table}", places)


def _add_partitions(table: str, places: Mapping[str, Path]) -> Iterator[str]:
    clauses = [
        f"partition (dt = {_text(names.date(dt))}) location {_text(str(location))}"
        for dt, location in sorted(places.items())
    ]
    for start in range(0, len(clauses), _CLAUSES):
        yield f"alter table {table} add {' '.join(clauses[start : start + _CLAUSES])}"


def _table(relation: str) -> str:
    return names.table(relation).partition(".")[2]


def _quoted(column: str) -> str:
    return "`" + column.replace("`", "``") + "`"


def _text(value: str | None) -> str:
    if value is None:
        return "null"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
