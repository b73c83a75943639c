"""Ingests a source system: accepts deliveries, lands them as raw tables, builds its staging."""

import datetime
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from countinghouse import deliveries, gates, names
from countinghouse.contracts import Contract, load_contracts
from countinghouse.deliveries import arrivals
from countinghouse.deliveries.archive import StillGrowing
from countinghouse.deliveries.delivery_folders import Arrival
from countinghouse.errors import CountinghouseError
from countinghouse.ledger import open_ledger, tables
from countinghouse.ledger.rows import tuples
from countinghouse.notifier import Alert, notifier
from countinghouse.publishing.version import Version
from countinghouse.runs import refusals
from countinghouse.runs.build import build
from countinghouse.runs.land import land
from countinghouse.runs.report import Blocked, RunReport
from countinghouse.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Missing:
    """A delivery that a contract expects and nobody has made yet."""

    feed: names.Feed
    dt: str
    deadline: datetime.datetime

    def __str__(self) -> str:
        return f"{self.feed} dt={self.dt}, due by {self.deadline:%Y-%m-%d %H:%M %Z}"


def ingest(settings: Settings, system: str, dt: str, *, run_id: str) -> RunReport:
    """Accept, land, stage and publish whatever `system` has delivered; the run of day `dt`.

    Everything that waits is taken, not only `dt`: the next runs then have nothing left to do.
    `touched` names the business dates whose staging changed.
    """
    names.date(dt)
    problems = accept(settings, [system])
    report = land(settings, contracts_of(settings, [system]), run_id=run_id)
    report.add(build(settings, [f"staging.{system}"], run_id=run_id, events=_Touched(system, dt)))
    # Each refusal was alerted when it was found; a run answers for the deliveries of its own day.
    unread = [one for one in problems if one.rule != gates.DELIVERY_ACCEPTED]
    report.refused = unread + refused(settings, system, dt)
    return report


def is_connected(settings: Settings, system: str) -> bool:
    """Whether anything of a system can come, or has ever come: nobody waits for the others."""
    if (settings.landing_root / names.identifier(system)).exists():
        return True
    feeds = contracts_of(settings, [system])
    if any(contract.extract for contract in feeds):
        return True
    known = sa.select(tables.deliveries.c.feed).where(
        tables.deliveries.c.feed.in_([str(contract.feed) for contract in feeds])
    )
    with open_ledger(settings).connect() as connection:
        return connection.execute(known.limit(1)).first() is not None


def contracts_of(settings: Settings, systems: Sequence[str]) -> list[Contract]:
    """Contracts of these systems; raises for a system that nothing declares."""
    wanted = {names.identifier(system) for system in systems}
    found = load_contracts(settings.project).values()
    unknown = sorted(wanted - {c.system for c in found})
    if unknown:
        raise CountinghouseError(
            f"no feed of {unknown[0]!r} is declared",
            remedy=f"declare it below dbt_project/models/staging/{unknown[0]}/",
        )
    return [contract for contract in found if contract.system in systems]


def accept(settings: Settings, systems: Sequence[str]) -> list[Blocked]:
    """Append complete deliveries that are new to the delivery log, oldest date first.

    So the log of a range of days is the one that daily runs would have written. Returns those
    that contradict themselves and are refused, and those whose files could not be read: these hold
    up no other and are read again.
    """
    contracts = contracts_of(settings, systems)
    ledger = open_ledger(settings)
    # Those of a process that was killed between the log and its copy.
    deliveries.write_missing_copies(ledger, settings)
    waiting = []
    for contract in contracts:
        for problem in deliveries.strays(settings, contract):
            log.warning("not a delivery: %s", problem)
        waiting += [(one, contract) for one in arrivals.waiting(settings, ledger, contract)]
    waiting.sort(key=lambda pair: (pair[0].dt, pair[0].seq, str(pair[0].feed)))
    problems = []
    for arrival, contract in waiting:
        try:
            # Taken before the files are read: what changes meanwhile is read again.
            signature = arrivals.signature(arrival.folder)
            delivery = deliveries.accept(ledger, settings, contract, arrival)
        except (OSError, StillGrowing) as error:
            problems.append(_unread(settings, contract, arrival, error))
            continue
        log.info("%s: %s", arrival.folder, delivery or "same content as before")
        arrivals.remember(ledger, arrival, signature)
        if delivery and delivery.refused:
            problems.append(refusals.told(settings, delivery, delivery.reason or ""))
    return problems


def _unread(settings: Settings, contract: Contract, arrival: Arrival, error: Exception) -> Blocked:
    # The error names a file, and its name may be that of a person.
    told = error if contract.keeps_raw_text else type(error).__name__
    found = Blocked(
        arrival.feed.raw, arrival.dt, "files can be read", 0, f"{arrival.folder}: {told}"
    )
    notifier(settings).notify(
        Alert(
            table=found.table,
            partition=found.dt,
            rule=found.rule,
            message=found.message,
            hint="let the files be readable, or deliver them again",
            command=f"countinghouse land {arrival.feed.system}",
        )
    )
    return found


def extract_missing(settings: Settings, system: str, dt: str) -> list[Blocked]:
    """Take out of databases what `system` has not delivered for `dt`; those that failed."""
    from countinghouse.deliveries.extract import extract, is_dated, yesterday

    failed = []
    waiting = {missing.feed for missing in missing_deliveries(settings, system, dt)}
    for contract in contracts_of(settings, [system]):
        # Of the past of a table without dates nothing can be known any more: it stays missing.
        if (
            contract.extract
            and contract.feed in waiting
            and (is_dated(contract) or dt >= yesterday())
        ):
            try:
                extract(settings, contract, dt)
            except (CountinghouseError, OSError) as error:
                log.warning("%s", error)
                failed.append(Blocked(contract.feed.raw, dt, "can be extracted", 0, str(error)))
    return failed


def missing_deliveries(settings: Settings, system: str, dt: str) -> list[Missing]:
    """Feeds of `system` that have no complete delivery for `dt`, in the log or in the landing."""
    names.date(dt)
    contracts = contracts_of(settings, [system])
    ledger = open_ledger(settings)
    missing = []
    for contract in contracts:
        if contract.expected is None or deliveries.current(ledger, contract.feed, [dt]):
            continue
        if any(a.dt == dt for a in deliveries.discover(settings, contract)):
            continue
        missing.append(Missing(contract.feed, dt, deadline(contract, dt)))
    return missing


def deadline(contract: Contract, day: str) -> datetime.datetime:
    """When the delivery of `day` is late: its contract's hour on the day after, in its zone."""
    if contract.expected is None:
        raise CountinghouseError(
            f"{contract.feed} declares no deadline", remedy="add landing.expected to its contract"
        )
    hour = datetime.time.fromisoformat(contract.expected.deadline)
    due = datetime.date.fromisoformat(names.date(day)) + datetime.timedelta(days=1)
    return datetime.datetime.combine(due, hour, ZoneInfo(contract.expected.zone))


def refused(settings: Settings, system: str, dt: str) -> list[Blocked]:
    """Newest deliveries of `dt` that were refused and not corrected since."""
    names.identifier(system)
    names.date(dt)
    ledger = open_ledger(settings)
    log_rows = tables.deliveries
    newest = sa.select(
        log_rows.c.feed,
        log_rows.c.dt,
        log_rows.c.status,
        log_rows.c.reason,
        sa.func.row_number()
        .over(partition_by=(log_rows.c.feed, log_rows.c.seq), order_by=log_rows.c.version.desc())
        .label("age"),
    ).where(log_rows.c.feed.startswith(f"{system}.", autoescape=True), log_rows.c.dt == dt)
    found = newest.subquery()
    with ledger.connect() as connection:
        query = sa.select(found.c.feed, found.c.reason)
        query = query.where(found.c.age == 1, found.c.status == "refused")
        rows = tuples(connection.execute(query))
    rule = gates.DELIVERY_ACCEPTED
    return [Blocked(names.Feed.parse(feed).raw, dt, rule, 0, reason) for feed, reason in rows]


@dataclass(frozen=True)
class _Touched:
    """Events for a publication set of staging: one for each business date that changed."""

    system: str
    day: str

    def __call__(self, changed: Sequence[Version]) -> list[dict[str, Any]]:
        # A table without partitions changes as of the day that is being run.
        dts = sorted({self.day if v.dt == names.WHOLE else v.dt for v in changed})
        return [{"topic": f"touched.{self.system}", "payload": {"dt": dt}} for dt in dts]
