"""What maintenance does: no wake-up stays lost, nothing stays stale without somebody knowing.

Imported inside tasks only.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Engine

from countinghouse.notifier import Alert, command_for, notifier
from countinghouse.planning.staleness import StalePartition, stale
from countinghouse.publishing.outbox import mark_sent, pending
from countinghouse.services.airflow_api import AirflowApi
from countinghouse.settings import Settings
from orchestration.wake_ups import wake_ups

# Twice as long as the longest build that is expected.
STALE_FOR_TOO_LONG = timedelta(hours=2)
# Differing inputs that an alert names.
_SHOWN = 3


def wake(system: str, ledger: Engine, api: AirflowApi) -> str:
    """Announce the touched dates of a system again, if some consumer has not run since.

    An event leaves the outbox when every consumer has begun a run after it was written: such a
    run has seen all that was stale. Airflow drops the events of paused DAGs and of crashed
    tasks; the outbox does not.
    """
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


def watched(keys: Iterable[str], known: Mapping[str, str], now: datetime) -> dict[str, str]:
    """Since when each stale partition is known to be stale; the others are forgotten."""
    return {key: known.get(key, now.isoformat()) for key in sorted(keys)}


def overdue(since: Mapping[str, str], earlier: datetime, now: datetime) -> list[str]:
    """The partitions that passed the limit after the round of `earlier`: one alert for each."""
    limits = {key: datetime.fromisoformat(at) + STALE_FOR_TOO_LONG for key, at in since.items()}
    return [key for key, limit in limits.items() if earlier < limit <= now]


def watch(settings: Settings, now: datetime) -> str:
    """Alert about each partition that has been stale for too long."""
    found = {f"{partition.table} {partition.dt}": partition for partition in stale(settings)}
    memory = settings.run / "stale.json"
    known = json.loads(memory.read_text()) if memory.exists() else {"at": now.isoformat()}
    since = watched(found, known.get("since", {}), now)
    late = overdue(since, datetime.fromisoformat(known["at"]), now)
    for key in late:
        notifier(settings).notify(_stale_alert(found[key]))
    # Written last: an alert that a crash interrupted is sent again.
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(json.dumps({"at": now.isoformat(), "since": since}))
    return f"{len(since)} partitions stale, {len(late)} of them for too long since this round"


def _stale_alert(partition: StalePartition) -> Alert:
    return Alert(
        table=partition.table,
        partition=partition.dt,
        rule=f"not stale for more than {STALE_FOR_TOO_LONG}",
        message="; ".join(partition.reasons),
        sample="; ".join(f"{d.table} {d.dt} {d.what}" for d in partition.why[:_SHOWN]),
        command=command_for(partition.table, partition.dt),
        severity="warn",
    )
