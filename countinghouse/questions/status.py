"""Answers `countinghouse status`: what an operator looks at first, from the ledger alone."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from countinghouse.contracts import Contract, load_contracts
from countinghouse.dbt.dbt_graph import load_graph
from countinghouse.errors import CountinghouseError
from countinghouse.ledger import attempts as leases
from countinghouse.ledger import open_ledger
from countinghouse.ledger.state import load_state
from countinghouse.ledger.tables import attempts, claims, holds, versions
from countinghouse.planning import planner
from countinghouse.planning.model_graph import Graph
from countinghouse.planning.planner import Stale
from countinghouse.questions.expected import FeedDeliveries, feed_deliveries
from countinghouse.questions.failures import Failure, last_failures
from countinghouse.questions.quarantined import QuarantinedTable, quarantined
from countinghouse.services import postgres
from countinghouse.settings import Settings


@dataclass(frozen=True)
class StaleGroup:
    """Stale partitions of a domain (intermediate, marts) or of a system (raw, staging)."""

    name: str
    tables: int
    partitions: int
    oldest: str


@dataclass(frozen=True)
class HeldPartition:
    """A partition that stays at its version until somebody releases it."""

    table: str
    dt: str
    reason: str
    owner: str
    since: datetime.datetime


@dataclass(frozen=True)
class RunningAttempt:
    """An open attempt; one that is not `alive` will be fenced by whoever comes next."""

    attempt_id: str
    kind: str
    scope: str
    run_id: str
    since: datetime.datetime
    partitions: int
    alive: bool


@dataclass(frozen=True)
class Overview:
    """What the ledger says, as of one transaction."""

    at: datetime.datetime
    deliveries: list[FeedDeliveries]
    stale: list[StaleGroup]
    holds: list[HeldPartition]
    running: list[RunningAttempt]
    failures: list[Failure]
    quarantine: list[QuarantinedTable]
    # Of versions that have their files, as their manifests say
    version_bytes: int


def overview(settings: Settings) -> Overview:
    """Ask the ledger, and look into the landing folder for what a feed is missing.

    Starts nothing: raises CountinghouseError when the ledger does not answer.
    """
    if settings.ledger_url is None and not postgres.answers(settings):
        raise _silent("nothing answers")
    contracts = list(load_contracts(settings.project).values())
    graph = load_graph(settings)
    try:
        with open_ledger(settings).connect() as connection:
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
            return _asked(settings, connection, contracts, graph)
    except sa.exc.OperationalError as error:
        raise _silent(str(error.orig).partition("\n")[0]) from error


def _silent(why: str) -> CountinghouseError:
    return CountinghouseError(
        f"the ledger does not answer: {why}", remedy="countinghouse up, or countinghouse doctor"
    )


def _asked(
    settings: Settings, connection: sa.Connection, contracts: list[Contract], graph: Graph
) -> Overview:
    now: datetime.datetime = connection.execute(sa.select(sa.func.now())).scalar_one()
    return Overview(
        at=now,
        deliveries=feed_deliveries(settings, connection, contracts, now),
        stale=_stale(connection, contracts, graph),
        holds=_holds(connection),
        running=_running(settings, connection),
        failures=last_failures(connection, now),
        quarantine=quarantined(connection, {c.feed.quarantine: c.owner for c in contracts}, now),
        version_bytes=_version_bytes(connection),
    )


def _version_bytes(connection: sa.Connection) -> int:
    total = sa.select(sa.func.sum(versions.c.bytes)).where(versions.c.collected_at.is_(None))
    return int(connection.execute(total).scalar() or 0)


def _stale(
    connection: sa.Connection, contracts: Iterable[Contract], graph: Graph
) -> list[StaleGroup]:
    state = load_state(connection)
    prints = {contract.feed.raw: contract.fingerprint for contract in contracts}
    folders = {model.name: model.folder for model in graph.models}
    folders |= {contract.feed.raw: contract.system for contract in contracts}
    return grouped([*planner.stale_raw(prints, state), *planner.stale(graph, state)], folders)


def grouped(found: Iterable[Stale], folders: Mapping[str, str]) -> list[StaleGroup]:
    """Stale partitions counted by domain or system, by name."""
    groups: dict[str, list[Stale]] = {}
    for one in found:
        groups.setdefault(folders[one.table], []).append(one)
    return [
        StaleGroup(name, len({s.table for s in group}), len(group), min(s.dt for s in group))
        for name, group in sorted(groups.items())
    ]


def _holds(connection: sa.Connection) -> list[HeldPartition]:
    query = sa.select(holds).where(holds.c.released_at.is_(None)).order_by(holds.c.created_at)
    return [
        HeldPartition(row.table_name, row.dt, row.reason, row.owner, row.created_at)
        for row in connection.execute(query)
    ]


def _running(settings: Settings, connection: sa.Connection) -> list[RunningAttempt]:
    alive = leases.living(connection, lease_seconds=settings.lease_seconds)
    held = (
        sa.select(claims.c.attempt_id, sa.func.count().label("partitions"))
        .where(claims.c.state == "open")
        .group_by(claims.c.attempt_id)
        .subquery()
    )
    query = (
        sa.select(attempts, sa.func.coalesce(held.c.partitions, 0).label("partitions"))
        .join(held, held.c.attempt_id == attempts.c.attempt_id, isouter=True)
        .where(attempts.c.state == "open")
        .order_by(attempts.c.started_at)
    )
    return [
        RunningAttempt(
            row.attempt_id,
            row.kind,
            row.scope,
            row.run_id,
            row.started_at,
            row.partitions,
            row.attempt_id in alive,
        )
        for row in connection.execute(query)
    ]
