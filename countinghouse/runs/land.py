"""Lands deliveries: the raw and quarantine tables of feeds, through the publication list."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from countinghouse import deliveries, engine_session, gates
from countinghouse.contracts import Contract
from countinghouse.errors import EngineUnavailable, Fenced
from countinghouse.failpoints import reach
from countinghouse.landing.columns import quarantine_columns, raw_columns
from countinghouse.landing.result import LandedBatch, LandedDate
from countinghouse.ledger import open_ledger, publications, tables
from countinghouse.ledger.state import load_state
from countinghouse.names import dates_between, plus_days
from countinghouse.planning import planner
from countinghouse.planning.planner import Partition, State
from countinghouse.publishing import publication, reconcile
from countinghouse.publishing.content_digest import EMPTY
from countinghouse.publishing.metastore import TableSpec
from countinghouse.publishing.publication import Batch, Verdict, Work
from countinghouse.publishing.version import Version, attempt_root
from countinghouse.runs import refusals
from countinghouse.runs.report import Blocked, RunReport
from countinghouse.runs.warned import alert_warnings
from countinghouse.settings import Settings

log = logging.getLogger(__name__)


def land(
    settings: Settings,
    contracts: Sequence[Contract],
    *,
    run_id: str,
    again: Collection[Partition] = (),
) -> RunReport:
    """Land every delivery date of these feeds that differs from the log, in one pass.

    A delivery that breaks its contract is refused: its date keeps what was published. The raw
    partitions `again` are landed although nothing differs.
    """
    reconcile.finish_crashes(settings)
    ledger = open_ledger(settings)
    report = RunReport(run_id)
    # A refusal may leave another delivery of the same date to land: until nothing is left.
    one_pass = partial(_one_pass, settings, ledger, contracts, report, set(again))
    while reconcile.surviving(settings, one_pass):
        pass
    report.blocked += refusals.behind_gaps(settings, ledger, contracts)
    return report


def fingerprints(contracts: Iterable[Contract]) -> dict[str, str]:
    """Contract fingerprint by raw table, as the planner compares it."""
    return {contract.feed.raw: contract.fingerprint for contract in contracts}


@dataclass(frozen=True)
class _Planned:
    state: State
    dates: Mapping[str, list[str]]

    @property
    def partitions(self) -> list[Partition]:
        raw = [(table, dt) for table, dts in self.dates.items() for dt in dts]
        return raw + [(planner.quarantine_of(table), dt) for table, dt in raw]


def _plan(
    connection: sa.Connection,
    living: frozenset[str],
    contracts: Sequence[Contract],
    bad: set[Partition],
    again: set[Partition],
) -> _Planned:
    state = load_state(connection, taken=living)
    dates: dict[str, list[str]] = {}
    for found in planner.stale_raw(fingerprints(contracts), state, again):
        if (found.table, found.dt) not in bad:
            dates.setdefault(found.table, []).append(found.dt)
    return _Planned(state, dates)


def _one_pass(
    settings: Settings,
    ledger: sa.Engine,
    contracts: Sequence[Contract],
    report: RunReport,
    again: set[Partition],
) -> bool:
    planned: list[_Planned] = []
    bad = {(b.table, b.dt) for b in report.blocked}

    def choose(connection: sa.Connection, living: frozenset[str]) -> list[Partition]:
        planned[:] = [_plan(connection, living, contracts, bad, again)]
        return planned[0].partitions

    with ledger.connect() as connection:
        if not choose(connection, frozenset()):
            return False
    scope = ",".join(sorted({c.system for c in contracts}))
    with publication.claim(
        settings, ledger, kind="land", scope=scope, run_id=report.run_id, choose=choose
    ) as work:
        if not planned[0].partitions:
            return False
        _land(work, contracts, planned[0], report)
    again.difference_update(planned[0].partitions)
    return True


def _land(work: Work, contracts: Sequence[Contract], planned: _Planned, report: RunReport) -> None:
    # Here, so that a run which finds nothing to land imports no Spark.
    from countinghouse.landing.land import write_raw

    found = Batch([], {})
    verdicts: dict[Partition, Verdict] = {}
    landed: dict[Partition, LandedDate] = {}
    due = [contract for contract in contracts if planned.dates.get(contract.feed.raw)]
    root = attempt_root(work.settings.warehouse, work.attempt.attempt_id)

    def written(contract: Contract) -> LandedBatch | Exception:
        dts = planned.dates[contract.feed.raw]
        current = deliveries.current(work.ledger, contract.feed, dts)
        try:
            return write_raw(work.session, work.settings, contract, current, root)
        except Exception as problem:
            return problem

    for contract in due:
        batch = written(contract)
        if isinstance(batch, Exception):
            _set_aside(work, contract, planned.dates[contract.feed.raw], batch, report)
            continue
        reach("mid_write")
        refusals.refuse(work, batch, planned.state, report)
        for dt in batch.landed:
            raw, quarantine = _versions(work, contract, batch.dates[dt], planned.state)
            found.versions.extend([raw, quarantine])
            landed[raw.table, dt] = batch.dates[dt]
        found.tables.update(_specs(contract))
        verdicts |= gates.audit_raw(work.session, contract, batch, root)
    publication.manifest(work, found.versions)
    passed = publication.audit(work, found, verdicts)
    changed = publication.publish(work, found, passed)
    through = {(version.table, version.dt) for version in passed}
    _record_conservation(
        work.ledger, {p: figures for p, figures in landed.items() if p in through}, found
    )
    alert_warnings(work.settings, verdicts, changed)
    _tell(report, found, passed, changed, verdicts)


def _set_aside(
    work: Work, contract: Contract, dts: Sequence[str], problem: Exception, report: RunReport
) -> None:
    """A feed that cannot be landed keeps its dates as they were; the others go on."""
    if isinstance(problem, Fenced | EngineUnavailable):
        raise problem
    publication.raise_if_gone(work.ledger, work.attempt, work.session)
    message = engine_session.message_of(problem)
    log.error("%s: not landed: %s", contract.feed, message)
    for dt in dts:
        report.blocked.append(Blocked(contract.feed.raw, dt, "can be landed", 0, message[:500]))


def _versions(
    work: Work, contract: Contract, landed: LandedDate, state: State
) -> tuple[Version, Version]:
    """The raw version of a date and the quarantine that belongs to it."""
    raw, quarantine = contract.feed.raw, contract.feed.quarantine
    inputs = planner.raw_inputs(raw, landed.dt, state)

    version = partial(work.version, dt=landed.dt, fingerprint=contract.fingerprint, inputs=inputs)
    # A snapshot is one state of its delivery date: its partition's own digest says everything.
    of_dates = None if contract.kind == "full_snapshot" else _slices(contract, landed)
    return (
        version(raw, digest=landed.raw, slices=of_dates),
        version(quarantine, digest=landed.quarantine),
    )


def _slices(contract: Contract, landed: LandedDate) -> dict[str, Any]:
    """What a raw version says about business dates, and about positions of a change log."""
    dates = dict(landed.slices)
    if contract.restates_days is not None:
        # Of several on one day the last one counts, also for the dates that it leaves out.
        window = dates_between(plus_days(landed.dt, -contract.restates_days), landed.dt)
        last = max(landed.deliveries, key=lambda each: each.delivery.seq)
        dates = dict.fromkeys(window, EMPTY) | dict(last.slices)
    said: dict[str, Any] = {
        "cumulative": contract.kind == "cumulative",
        "dates": {
            day: {"rows": d.rows, "digest": d.digest, "money": dict(d.money)}
            for day, d in sorted(dates.items())
        },
    }
    if contract.changes and contract.changes.contiguous:
        said["positions"] = {
            # As the ledger gives them back: they are compared.
            "ranges": [list(span) for each in landed.deliveries for span in each.positions],
            "known_missing": [list(span) for span in contract.changes.known_missing],
            "first": contract.changes.first,
        }
    return said


def _specs(contract: Contract) -> dict[str, TableSpec]:
    feed = contract.feed
    return {
        feed.raw: TableSpec(feed.raw, raw_columns(contract), contract.description, True),
        feed.quarantine: TableSpec(
            feed.quarantine, quarantine_columns(), f"Rows of {feed} that broke its contract.", True
        ),
    }


def _record_conservation(
    ledger: sa.Engine, landed: Mapping[Partition, LandedDate], batch: Batch
) -> None:
    """Of each date that passed, also where only its quarantine is new."""
    raw = [version for version in batch.versions if (version.table, version.dt) in landed]
    with ledger.begin() as connection:
        current = publications.current_versions(connection, raw)
        rows = [
            {
                "version_id": version_id,
                "hop": "landing",
                "table_name": table,
                "dt": dt,
                "rows_in": figures.rows_in,
                "rows_out": figures.raw.rows,
                "rows_quarantined": sum(figures.quarantined.values()),
                "rows_deduplicated": 0,
                "rows_out_of_scope": 0,
                "money_in": dict(figures.money_in),
                "money_out": dict(figures.raw.money),
            }
            for (table, dt), (version_id, _) in current.items()
            for figures in [landed[table, dt]]
        ]
        if rows:
            added = insert(tables.conservation)
            key = ["version_id", "hop"]
            again = {c.name: c for c in added.excluded if c.name not in key}
            connection.execute(added.on_conflict_do_update(index_elements=key, set_=again), rows)


def _tell(
    report: RunReport,
    batch: Batch,
    passed: Sequence[Version],
    changed: Sequence[Version],
    verdicts: Mapping[Partition, Verdict],
) -> None:
    new = {v.version_id for v in changed}
    through = {v.version_id for v in passed}
    report.published += [(v.table, v.dt) for v in changed]
    report.confirmed += [(v.table, v.dt) for v in passed if v.version_id not in new]
    report.rows += sum(v.rows for v in changed)
    for version in batch.versions:
        if version.version_id not in through:
            verdict = verdicts.get((version.table, version.dt), Verdict(False))
            report.blocked += _blocked(version, verdict)


def _blocked(version: Version, verdict: Verdict) -> list[Blocked]:
    """Each rule that failed with its rows; a quarantine partition fails with its raw one."""
    failed = [r for r in verdict.results if not r["passed"] and r["severity"] == gates.BLOCK]
    if not failed:
        why = "; ".join(verdict.failures) or "not audited"
        return [Blocked(version.table, version.dt, "passes with its feed", version.rows, why)]
    return [
        Blocked(
            version.table,
            version.dt,
            result["rule"],
            int(result["observed"].get("unexpected_count") or 0),
            ", ".join(f"{name} {value}" for name, value in result["observed"].items()),
        )
        for result in failed
    ]
