"""What maintenance does: no wake-up stays lost, nothing stays stale without somebody knowing."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from orchestration.work import wake_ups

if TYPE_CHECKING:
    from orchestration.airflow_api import AirflowApi

# Twice as long as the longest build that is expected.
STALE_FOR_TOO_LONG = timedelta(hours=2)


def wake(system: str, ledger: Any, api: AirflowApi) -> str:
    """Announce the touched dates of a system again, if some consumer has not run since.

    An event leaves the outbox when every consumer has begun a run after it was written: such a
    run has seen all that was stale. Airflow drops the events of paused DAGs and of crashed
    tasks; the outbox does not.
    """
    from countinghouse.outbox import mark_sent, pending

    events = pending(ledger, f"touched.{system}")
    asset = api.asset(f"touched.{system}") if events else None
    if asset is None:
        return f"{len(events)} events, and nobody to wake"
    asset_id, dag_ids = asset
    consumers = [api.consumer(dag_id) for dag_id in dag_ids]
    seen = [event for event in events if all(c.ran_after(event.created_at) for c in consumers)]
    mark_sent(ledger, seen)
    dates = sorted({event.payload["dt"] for event in events if event not in seen})
    announced = wake_ups(dates[-1], dates) if dates and any(c.asleep for c in consumers) else []
    for date in announced:
        api.announce(asset_id, date)
    return f"{len(seen)} seen by every consumer, {len(dates)} dates wait, announced {announced}"


def watched(
    stale: Iterable[str], known: Mapping[str, list[Any]], now: datetime
) -> dict[str, list[Any]]:
    """By stale partition: since when it is known, and whether that is too long by now.

    Partitions that are no longer stale are forgotten.
    """
    since = {key: known.get(key, [now.isoformat()])[0] for key in sorted(stale)}
    return {
        key: [first, now - datetime.fromisoformat(first) > STALE_FOR_TOO_LONG]
        for key, first in since.items()
    }


def watch(known: Mapping[str, list[Any]], now: datetime) -> dict[str, list[Any]]:
    """Alert once about each partition that stays stale for too long; return what is stale."""
    from countinghouse.build import stale
    from countinghouse.notifier import Alert, notifier
    from countinghouse.settings import load

    found = {f"{partition.table} {partition.dt}": partition for partition in stale(load())}
    seen = watched(found, known, now)
    late = [found[key] for key, (_, alert) in seen.items() if alert and not _told(known, key)]
    for partition in late:
        notifier(load()).notify(
            Alert(
                table=partition.table,
                partition=partition.dt,
                rule=f"not stale for more than {STALE_FOR_TOO_LONG}",
                message="; ".join(partition.reasons),
                command=f"countinghouse build {partition.table}",
                severity="warn",
            )
        )
    print(f"{len(seen)} partitions stale, {len(late)} for too long")
    return seen


def _told(known: Mapping[str, list[Any]], key: str) -> bool:
    return key in known and known[key][1]
