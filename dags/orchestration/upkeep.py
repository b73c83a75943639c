"""What maintenance does: no wake-up stays lost, nothing stays stale without somebody knowing."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestration.work import wake_ups

# Twice as long as the longest build that is expected.
STALE_FOR_TOO_LONG = timedelta(hours=2)


def wake(system: str, ledger: Any, api: Any) -> str:
    """Announce the touched dates of a system again, if some consumer has not run since.

    An event leaves the outbox when every consumer has begun a run after it was written: such a
    run has seen all that was stale. Airflow drops the events of paused DAGs and of crashed
    tasks; the outbox does not.
    """
    from countinghouse.outbox import mark_sent, pending

    events = pending(ledger, f"touched.{system}")
    asset = api.asset(f"touched.{system}")
    if not events or asset is None:
        return "nothing waits" if not events else f"no DAG declares touched.{system}"
    asset_id, dag_ids = asset
    consumers = [api.consumer(dag_id) for dag_id in dag_ids]
    seen = min((c.last_start for c in consumers if c.last_start), default=None)
    if any(c.last_start is None for c in consumers):
        seen = None
    done = [e for e in events if not consumers or (seen and e.created_at < seen)]
    mark_sent(ledger, done)
    waiting = [e for e in events if e not in done]
    asleep = [c for c in consumers if not (c.paused or c.waiting)]
    if not waiting or not asleep:
        return f"{len(done)} seen, {len(waiting)} wait for a run or for a paused DAG"
    dates = [e.payload["dt"] for e in waiting]
    for date in wake_ups(max(dates), dates):
        api.announce(asset_id, date)
    return f"{len(done)} seen, {len(waiting)} announced again"


def overdue(stale: Iterable[Any], known: dict[str, str], now: datetime) -> dict[str, str]:
    """Since when each partition has been seen stale; partitions that recovered are forgotten."""
    return {
        key: known.get(key, now.isoformat())
        for key in sorted(f"{partition.table} {partition.dt}" for partition in stale)
    }


def newly_overdue(since: dict[str, str], now: datetime, previous: datetime) -> list[str]:
    """Partitions that went past the limit between the previous round and now."""
    limit = STALE_FOR_TOO_LONG
    return [
        key
        for key, first in since.items()
        if previous < datetime.fromisoformat(first) + limit <= now
    ]
