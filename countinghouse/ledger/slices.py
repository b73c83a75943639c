"""Keeps `ops.slices` and `ops.positions` in step with the published raw partitions."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from countinghouse.ledger.tables import intents, pointers, positions, slices, versions


def replace_slices(connection: sa.Connection, set_id: str) -> None:
    """Put the slices of the raw versions that a set published in place of those before."""
    chosen = intents.c.version_id == versions.c.version_id
    # Not those that a set with a newer epoch has overtaken.
    visible = pointers.c.version_id == versions.c.version_id
    found = _raw_versions().join(intents, chosen).join(pointers, visible)
    _apply(connection, found.where(intents.c.set_id == set_id))


def rebuild_slices(connection: sa.Connection) -> None:
    """Make all slices anew from the published raw versions."""
    connection.execute(slices.delete())
    connection.execute(positions.delete())
    chosen = pointers.c.version_id == versions.c.version_id
    _apply(connection, _raw_versions().join(pointers, chosen))


def _raw_versions() -> sa.Select[Any]:
    return (
        sa.select(versions.c.table_name, versions.c.dt, versions.c.version_id, versions.c.slices)
        .where(versions.c.slices.is_not(None))
        .order_by(versions.c.dt)
    )


def _apply(connection: sa.Connection, query: sa.Select[Any]) -> None:
    for row in connection.execute(query).all():
        table, dates = row.table_name, row.slices["dates"]
        if "positions" in row.slices:
            _put_positions(connection, table, row.dt, row.slices["positions"])
        if not row.slices.get("cumulative"):
            _replace(connection, table, row.dt, row.version_id, dates)
        elif row.dt == _newest(connection, table):
            # Only the newest delivery of a cumulative feed counts, as a whole.
            _replace(connection, table, "", row.version_id, dates)


def _put_positions(
    connection: sa.Connection, table: str, delivery_dt: str, said: dict[str, Any]
) -> None:
    key = {"source": table, "delivery_dt": delivery_dt}
    connection.execute(
        insert(positions)
        .values(**key, **said)
        .on_conflict_do_update(index_elements=list(key), set_=said)
    )


def _newest(connection: sa.Connection, table: str) -> str | None:
    return connection.execute(
        sa.select(sa.func.max(pointers.c.dt)).where(pointers.c.table_name == table)
    ).scalar_one()


def _replace(
    connection: sa.Connection, table: str, delivery_dt: str, version_id: str, dates: dict[str, Any]
) -> None:
    of_delivery = (slices.c.source == table, slices.c.delivery_dt == delivery_dt)
    rows = connection.execute(sa.select(slices).where(*of_delivery))
    known = {row.business_date: row.digest for row in rows}
    differing = {day for day, item in dates.items() if known.get(day) != item["digest"]}
    gone = set(known) - set(dates)
    if gone | differing:
        connection.execute(
            slices.delete().where(*of_delivery, slices.c.business_date.in_(gone | differing))
        )
    if differing:
        connection.execute(
            slices.insert(),
            [
                {
                    "source": table,
                    "delivery_dt": delivery_dt,
                    "business_date": day,
                    "version_id": version_id,
                    "rows": dates[day]["rows"],
                    "digest": dates[day]["digest"],
                    "money": dates[day]["money"],
                }
                for day in sorted(differing)
            ],
        )
