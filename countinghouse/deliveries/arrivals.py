"""Delivery folders that somebody has to look into: new ones, and those that have changed."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from countinghouse import deliveries
from countinghouse.contracts import Contract
from countinghouse.deliveries import Arrival
from countinghouse.deliveries.delivery_folders import signature
from countinghouse.ledger.tables import arrivals
from countinghouse.settings import Settings

__all__ = ["remember", "signature", "waiting"]


def waiting(settings: Settings, ledger: sa.Engine, contract: Contract) -> list[Arrival]:
    """Complete deliveries whose folder is not as it was when it was read last."""
    found = deliveries.discover(settings, contract)
    known = _seen(ledger, contract) if found else {}
    return [a for a in found if known.get((a.dt, a.seq)) != signature(a.folder)]


def remember(ledger: sa.Engine, arrival: Arrival, seen: str) -> None:
    """Record that a folder was read when it had this signature."""
    values = {"feed": str(arrival.feed), "dt": arrival.dt, "seq": arrival.seq, "signature": seen}
    with ledger.begin() as connection:
        connection.execute(
            insert(arrivals)
            .values(values)
            .on_conflict_do_update(index_elements=["feed", "dt", "seq"], set_={"signature": seen})
        )


def _seen(ledger: sa.Engine, contract: Contract) -> Mapping[tuple[str, int], str]:
    with ledger.connect() as connection:
        found = connection.execute(sa.select(arrivals).where(arrivals.c.feed == str(contract.feed)))
        return {(row.dt, row.seq): row.signature for row in found}
