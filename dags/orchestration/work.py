"""What the tasks do: one library call each, and what Airflow must hear about it."""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Asset, PokeReturnValue
from airflow.sdk.exceptions import AirflowSkipException

from orchestration.alerts import fail_loudly
from orchestration.wake_ups import wake_ups


def ingest_day(system: str, asset: Asset, context: Any) -> PokeReturnValue:
    """Land and publish one day of a system; not done while a delivery may still come.

    Skipped for a system that is not connected: its first run takes all that has come by then.
    """
    from countinghouse.runs.ingest import (
        extract_missing,
        ingest,
        is_connected,
        missing_deliveries,
    )
    from countinghouse.settings import load

    settings, run = load(), context["dag_run"]
    day = _day(run)
    if not is_connected(settings, system):
        raise AirflowSkipException(f"{system} has never delivered anything: no landing/{system}/")
    for problem in extract_missing(settings, system, day):
        print("not extracted:", problem)
    missing = missing_deliveries(settings, system, day)
    # The only question to the clock: whether to wait, never what to load.
    if any(datetime.now(UTC) < late.deadline for late in missing):
        print("waiting for:", *missing, sep="\n")
        return PokeReturnValue(is_done=False)
    report = ingest(settings, system, day, run_id=_run_id(run))
    print(report.summary())
    context["outlet_events"][asset].add_partitions(wake_ups(day, report.touched))
    problems = [*_problems(report), *map(_missing, missing)]
    return PokeReturnValue(is_done=True, xcom_value=problems)


def build_domain(domain: str, context: Any, *, only_this_date: bool = False) -> None:
    """Build what is stale in a domain; or one date of it, stale or not."""
    from countinghouse.runs.build import build
    from countinghouse.settings import load

    run = context["dag_run"]
    first = last = _day(run) if only_this_date else None
    report = build(load(), [domain], first, last, run_id=_run_id(run), force=only_this_date)
    print(report.summary())
    fail_loudly(_problems(report))
    if report.superseded_by:
        raise AirflowSkipException(f"superseded by {report.superseded_by}")
    if not (report.published or report.confirmed):
        raise AirflowSkipException("nothing is stale: an earlier run has built it")


def _day(run: Any) -> str:
    """The partition key; a run that somebody triggers by hand may have none."""
    from countinghouse import names
    from countinghouse.errors import BadName

    if run.partition_key is None:
        raise BadName(
            f"this run of {run.dag_id} has no date",
            remedy=f"countinghouse backfill {run.dag_id} --from DATE --to DATE",
        )
    return names.date(run.partition_key)


def _run_id(run: Any) -> str:
    return f"{run.dag_id}/{run.run_id}"


def _problems(report: Any) -> list[dict[str, Any]]:
    refused = [_problem(one) | {"hint": _refusal_hint(one)} for one in report.refused]
    return [*map(_problem, report.blocked), *refused]


def _problem(blocked: Any) -> dict[str, Any]:
    from countinghouse.notifier import command_for

    return {
        "table": blocked.table,
        "partition": blocked.dt,
        "rule": blocked.rule,
        "rows": blocked.rows,
        "sample": blocked.sample,
        "message": blocked.message,
        "command": command_for(blocked.table, blocked.dt),
    }


def _refusal_hint(refused: Any) -> str:
    from countinghouse.notifier import refusal_hint

    return refusal_hint(refused.table.partition(".")[2].partition("__")[0])


def _missing(late: Any) -> dict[str, Any]:
    from countinghouse.notifier import command_for

    return {
        "table": str(late.feed),
        "partition": late.dt,
        "rule": "delivered by its deadline",
        "message": f"no complete delivery by {late.deadline:%F %R %Z}",
        "hint": f"deliver it: landing/{late.feed.system}/{late.feed.name}/dt={late.dt}/ with _DONE",
        "command": command_for(late.feed.raw, late.dt),
    }
