"""Events that a publication wrote in its own transaction, until somebody has sent them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from countinghouse.ledger.tables import outbox


@dataclass(frozen=True)
class Event:
    """Topic `touched.<system>` carries {"dt": a business date whose staging changed}."""

    event_id: int
    topic: str
    payload: dict[str, Any]
    created_at: datetime


def pending(ledger: sa.Engine, topic: str = "") -> list[Event]:
    """Events that have not left, oldest first; all topics without `topic`."""
    query = sa.select(outbox.c.event_id, outbox.c.topic, outbox.c.payload, outbox.c.created_at)
    query = query.where(outbox.c.sent_at.is_(None)).order_by(outbox.c.event_id)
    if topic:
        query = query.where(outbox.c.topic == topic)
    with ledger.connect() as connection:
        return [Event(**row) for row in connection.execute(query).mappings()]


def mark_sent(ledger: sa.Engine, events: Iterable[Event]) -> None:
    """Record that the receiver has accepted these events."""
    sent = [event.event_id for event in events]
    with ledger.begin() as connection:
        connection.execute(
            outbox.update()
            .where(outbox.c.event_id.in_(sent), outbox.c.sent_at.is_(None))
            .values(sent_at=sa.func.clock_timestamp())
        )
