"""Attempts and their claims: who may publish a partition, and how a successor shuts out the rest.

A claim alone does not stop a predecessor whose statement is already queued in the engine.
Releasing the predecessor's Connect session does: the engine refuses whatever it still sends.
"""

import logging
import socket
import threading
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from countinghouse.errors import Fenced
from countinghouse.ledger.partitions import among, listed
from countinghouse.ledger.rows import tuples
from countinghouse.ledger.tables import attempts, claims
from countinghouse.planning.planner import Partition

Fence = Callable[[str], None]
# Any constant: planning and claiming are one transaction, one at a time.
log = logging.getLogger(__name__)

_CLAIM_LOCK = 7_240_116


@dataclass
class Attempt:
    """One try at building and publishing a set of partitions."""

    attempt_id: str
    session_id: str
    run_id: str
    epochs: dict[Partition, int] = field(default_factory=dict)


def open_attempt(
    ledger: sa.Engine, *, kind: str, scope: str, run_id: str, session_id: str
) -> Attempt:
    """Record a new attempt of this process, with no claims yet."""
    attempt = Attempt(uuid.uuid4().hex[:16], session_id, run_id)
    process = psutil.Process()
    with ledger.begin() as connection:
        connection.execute(
            attempts.insert().values(
                attempt_id=attempt.attempt_id,
                kind=kind,
                run_id=run_id,
                scope=scope,
                session_id=session_id,
                host=socket.gethostname(),
                pid=process.pid,
                pid_started=int(process.create_time()),
                state="open",
            )
        )
    return attempt


@contextmanager
def heartbeat(ledger: sa.Engine, attempt: Attempt, *, every: float) -> Iterator[None]:
    """Renew the attempt's lease while the block runs."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(every):
            try:
                with ledger.begin() as connection:
                    connection.execute(
                        attempts.update()
                        .where(attempts.c.attempt_id == attempt.attempt_id)
                        .values(heartbeat_at=sa.func.clock_timestamp())
                    )
            except sa.exc.SQLAlchemyError as error:
                # A ledger that restarts is back before the lease ends.
                log.warning("attempt %s: no heartbeat: %s", attempt.attempt_id, error)

    thread = threading.Thread(target=renew, daemon=True, name="heartbeat")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def living(connection: sa.Connection, *, lease_seconds: float, run_id: str = "") -> frozenset[str]:
    """Open attempts that still work: lease renewed, process there, not of run `run_id`."""
    expired = sa.func.clock_timestamp() - attempts.c.heartbeat_at > sa.func.make_interval(
        0, 0, 0, 0, 0, 0, lease_seconds
    )
    rows = connection.execute(
        sa.select(
            attempts.c.attempt_id, attempts.c.host, attempts.c.pid, attempts.c.pid_started
        ).where(attempts.c.state == "open", ~expired, attempts.c.run_id != run_id)
    )
    here = socket.gethostname()
    return frozenset(
        attempt
        for attempt, host, pid, started in tuples(rows)
        if host != here or _runs(pid, started)
    )


def _runs(pid: int, started: int) -> bool:
    try:
        process = psutil.Process(pid)
        return int(process.create_time()) == started and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def lock_claims(connection: sa.Connection) -> None:
    """Wait for other claimants; held until the transaction ends."""
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CLAIM_LOCK})


def claim(
    connection: sa.Connection, attempt: Attempt, partitions: Iterable[Partition], fence: Fence
) -> None:
    """Take all `partitions` under new epochs; whoever held them before is fenced first.

    Call inside the transaction that holds `lock_claims` and resolved the inputs.
    """
    wanted = sorted(partitions)
    if not wanted:
        return
    for attempt_id, session_id in _open_holders(connection, wanted, attempt.attempt_id):
        fence(session_id)
        close(connection, attempt_id, "fenced", error=f"fenced by {attempt.attempt_id}")
    chosen = listed(wanted).subquery()
    statement = insert(claims).from_select(
        ["table_name", "dt", "epoch", "attempt_id", "state"],
        sa.select(
            chosen.c.table_name,
            chosen.c.dt,
            sa.literal(1),
            sa.literal(attempt.attempt_id),
            sa.literal("open"),
        ),
    )
    rows = connection.execute(
        statement.on_conflict_do_update(
            index_elements=[claims.c.table_name, claims.c.dt],
            set_={
                "epoch": claims.c.epoch + 1,
                "attempt_id": attempt.attempt_id,
                "state": "open",
                "claimed_at": sa.func.now(),
            },
        ).returning(claims.c.table_name, claims.c.dt, claims.c.epoch)
    )
    attempt.epochs = {(table, dt): epoch for table, dt, epoch in tuples(rows)}


def _open_holders(
    connection: sa.Connection, wanted: list[Partition], successor: str
) -> list[tuple[str, str]]:
    rows = connection.execute(
        sa.select(attempts.c.attempt_id, attempts.c.session_id)
        .join(claims, claims.c.attempt_id == attempts.c.attempt_id)
        .where(
            claims.c.state == "open",
            attempts.c.attempt_id != successor,
            among(claims, wanted),
        )
        # So that the holder cannot move on to another session meanwhile.
        .with_for_update(of=attempts)
    )
    return sorted(set(tuples(rows)))


def claimed(connection: sa.Connection, holders: Collection[str]) -> set[Partition]:
    """Partitions under an open claim of one of these attempts."""
    rows = connection.execute(
        sa.select(claims.c.table_name, claims.c.dt).where(
            claims.c.state == "open", claims.c.attempt_id.in_(holders)
        )
    )
    return set(tuples(rows))


def check_not_fenced(connection: sa.Connection, attempt: Attempt) -> None:
    """Lock the attempt's claims; raise Fenced if any has a newer epoch or has been closed."""
    rows = connection.execute(
        sa.select(
            claims.c.table_name, claims.c.dt, claims.c.epoch, claims.c.attempt_id, claims.c.state
        )
        .where(among(claims, attempt.epochs))
        .order_by(claims.c.table_name, claims.c.dt)
        .with_for_update()
    )
    for table, dt, epoch, holder, state in tuples(rows):
        if (epoch, state) != (attempt.epochs[table, dt], "open"):
            raise Fenced(
                f"{table} {dt}: attempt {attempt.attempt_id} lost its claim to {holder}",
                remedy="nothing: the successor publishes this partition",
            )


def raise_if_fenced(ledger: sa.Engine, attempt: Attempt) -> None:
    """Raise Fenced if another process has closed this attempt, or is about to."""
    query = sa.select(attempts.c.state).where(attempts.c.attempt_id == attempt.attempt_id)
    with ledger.connect() as connection:
        # Whoever fences closes the session first, and holds the row until it has said so.
        state: str = connection.execute(query.with_for_update(read=True)).scalar_one()
    if state != "open":
        raise Fenced(
            f"attempt {attempt.attempt_id} has been fenced",
            remedy="nothing: whoever fenced it builds these partitions",
        )


def close(connection: sa.Connection, attempt_id: str, state: str, *, error: str = "") -> None:
    """End an attempt and its open claims."""
    connection.execute(
        attempts.update()
        .where(attempts.c.attempt_id == attempt_id, attempts.c.state == "open")
        .values(state=state, error=error or None, ended_at=sa.func.clock_timestamp())
    )
    connection.execute(
        claims.update()
        .where(claims.c.attempt_id == attempt_id, claims.c.state == "open")
        .values(state="closed")
    )


def abandon(connection: sa.Connection, attempt_id: str, *, error: str) -> None:
    """Leave an attempt open as one that died: whoever comes next has to fence it."""
    connection.execute(
        attempts.update()
        .where(attempts.c.attempt_id == attempt_id, attempts.c.state == "open")
        .values(heartbeat_at=sa.func.to_timestamp(0), error=error)
    )


def renew_session(connection: sa.Connection, attempt: Attempt, session_id: str) -> None:
    """Go on in a new engine session, unless a successor has fenced this attempt meanwhile."""
    check_not_fenced(connection, attempt)
    renewed = connection.execute(
        attempts.update()
        .where(attempts.c.attempt_id == attempt.attempt_id, attempts.c.state == "open")
        .values(session_id=session_id)
    )
    if renewed.rowcount == 0:
        raise Fenced(
            f"attempt {attempt.attempt_id} has been fenced",
            remedy="nothing: reconcile finishes what it had decided",
        )
    attempt.session_id = session_id


def any_dead(ledger: sa.Engine, *, lease_seconds: float) -> bool:
    """Whether an open attempt has lost its process."""
    with ledger.connect() as connection:
        alive = living(connection, lease_seconds=lease_seconds)
        query = sa.select(attempts.c.attempt_id).where(
            attempts.c.state == "open", attempts.c.attempt_id.not_in(alive)
        )
        return connection.execute(query.limit(1)).first() is not None


def fence_dead(ledger: sa.Engine, fence: Fence, *, lease_seconds: float) -> list[tuple[str, str]]:
    """Close attempts whose process is gone or frozen, so that nothing they still send counts.

    Returns (attempt, run) of each.
    """
    with ledger.begin() as connection:
        lock_claims(connection)
        alive = living(connection, lease_seconds=lease_seconds)
        query = sa.select(attempts.c.attempt_id, attempts.c.run_id, attempts.c.session_id)
        query = query.where(attempts.c.state == "open", attempts.c.attempt_id.not_in(alive))
        rows = tuples(connection.execute(query.with_for_update()))
        for attempt_id, _, session_id in rows:
            close(connection, attempt_id, "fenced", error="died or froze")
            fence(session_id)
    return [(attempt_id, run_id) for attempt_id, run_id, _ in rows]
