"""What the runs of a DAG have published since a moment, against what was published before."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from countinghouse.ledger.rows import tuples
from countinghouse.ledger.tables import attempts, publication_sets, publications, versions


@dataclass(frozen=True)
class TableChange:
    """Partitions of one table: rows and money (minor units) before and after, summed."""

    table: str
    partitions: int
    rows: tuple[int, int]
    money: Mapping[str, tuple[int, int]]


def published_since(
    connection: sa.Connection, since: datetime.datetime, runs: str
) -> list[TableChange]:
    """By table, of runs whose id begins with `runs`.

    A partition that was published several times counts once: as it was first, and as it is last.
    """
    query = (
        sa.select(
            publications.c.table_name,
            publications.c.dt,
            publications.c.previous_version,
            publications.c.version_id,
        )
        .join(publication_sets, publication_sets.c.set_id == publications.c.set_id)
        .join(attempts, attempts.c.attempt_id == publication_sets.c.attempt_id)
        .where(
            publications.c.published_at >= since,
            attempts.c.run_id.startswith(runs, autoescape=True),
        )
        .order_by(publications.c.publication_id)
    )
    spans: dict[tuple[str, str], tuple[str | None, str]] = {}
    for table, dt, before, after in tuples(connection.execute(query)):
        first = spans[table, dt][0] if (table, dt) in spans else before
        spans[table, dt] = (first, after)
    figures = _figures(connection, {v for span in spans.values() for v in span if v})
    found: dict[str, list[tuple[str | None, str]]] = {}
    for (table, _), span in spans.items():
        found.setdefault(table, []).append(span)
    return [_change(table, chosen, figures) for table, chosen in sorted(found.items())]


_Figures = Mapping[str | None, tuple[int, Mapping[str, int]]]
_NOTHING: tuple[int, Mapping[str, int]] = (0, {})


def _figures(connection: sa.Connection, version_ids: set[str]) -> _Figures:
    query = sa.select(versions.c.version_id, versions.c.rows, versions.c.money)
    rows = connection.execute(query.where(versions.c.version_id.in_(version_ids)))
    return {version_id: (count, money) for version_id, count, money in tuples(rows)}


def _change(table: str, spans: list[tuple[str | None, str]], figures: _Figures) -> TableChange:
    before = [figures.get(first, _NOTHING) for first, _ in spans]
    after = [figures.get(last, _NOTHING) for _, last in spans]
    labels = sorted({label for _, money in (*before, *after) for label in money})
    return TableChange(
        table,
        len(spans),
        (sum(rows for rows, _ in before), sum(rows for rows, _ in after)),
        {
            label: (
                sum(money.get(label, 0) for _, money in before),
                sum(money.get(label, 0) for _, money in after),
            )
            for label in labels
        },
    )
