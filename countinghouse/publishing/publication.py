"""The publication list, in its order: claim, write, manifest, audit, publish, events.

No table that anybody reads is overwritten in place. Until `decide` has committed, a crash leaves
garbage that `gc` collects and nothing else; from then on it rolls forward, by whoever comes next.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from countinghouse import engine_session, names
from countinghouse.errors import CountinghouseError, EngineUnavailable, Fenced
from countinghouse.failpoints import reach
from countinghouse.ledger import attempts, publications, published
from countinghouse.ledger.attempts import Attempt
from countinghouse.planning.planner import Input, Partition
from countinghouse.publishing import metastore, pointers
from countinghouse.publishing.content_digest import PartitionDigest
from countinghouse.publishing.metastore import TableSpec
from countinghouse.publishing.version import (
    AUDIT,
    Version,
    broken,
    data_files,
    location,
    write_json,
    write_manifest,
)
from countinghouse.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_ENGINE_RESTART_SECONDS = 120


@dataclass(frozen=True)
class Verdict:
    """What the gates said of one partition; `failures` are sentences with rule and rows."""

    passed: bool
    results: Sequence[Mapping[str, Any]] = ()
    failures: Sequence[str] = ()


@dataclass
class Work:
    """One attempt with its engine session, while it runs."""

    settings: Settings
    ledger: sa.Engine
    attempt: Attempt
    session: "SparkSession"

    def version(
        self,
        table: str,
        dt: str,
        digest: PartitionDigest,
        *,
        fingerprint: str,
        inputs: tuple[Input, ...],
        slices: Mapping[str, Any] | None = None,
    ) -> Version:
        """The version of a partition that this attempt has written, with the files it finds."""
        attempt_id = self.attempt.attempt_id
        place = location(attempt_id, table, dt)
        return Version(
            version_id=f"{attempt_id}/{table}/{dt}",
            table=table,
            dt=dt,
            attempt_id=attempt_id,
            location=place,
            rows=digest.rows,
            digest=digest.digest,
            money=digest.money,
            fingerprint=fingerprint,
            inputs=inputs,
            files=data_files(self.settings.warehouse / place),
            slices=slices,
        )


@dataclass(frozen=True)
class Batch:
    """What an attempt built: versions with parents first, and how their tables look."""

    versions: list[Version]
    tables: dict[str, TableSpec]
    # What to tell whom about the versions whose content is new: [{topic, payload}]
    events: Callable[[Sequence[Version]], list[dict[str, Any]]] = lambda _: []


# 1. Claim


@contextmanager
def claim(
    settings: Settings,
    ledger: sa.Engine,
    *,
    kind: str,
    scope: str,
    run_id: str,
    choose: Callable[[sa.Connection, frozenset[str]], Iterable[Partition]],
) -> Iterator[Work]:
    """Claim what `choose` plans, in the transaction that resolves its inputs.

    `choose` gets the living attempts, whose claims it must leave alone. Predecessors that no
    longer live are fenced before the claim is theirs no more. On leaving, the attempt is closed.
    """
    engine_session.wait_until_healthy(settings, _ENGINE_RESTART_SECONDS)
    attempt = attempts.open_attempt(
        ledger,
        kind=kind,
        scope=scope,
        run_id=run_id,
        session_id=engine_session.new_session_id(),
    )
    session = None
    state, error = "failed", ""
    try:
        with attempts.heartbeat(ledger, attempt, every=settings.lease_seconds / 4):
            with ledger.begin() as connection:
                attempts.lock_claims(connection)
                living = attempts.living(
                    connection, lease_seconds=settings.lease_seconds, run_id=run_id
                )
                chosen = choose(connection, living - {attempt.attempt_id})
                wanted = [(names.table(table), names.partition(dt)) for table, dt in chosen]
                attempts.claim(
                    connection, attempt, wanted, lambda s: engine_session.fence(settings, s)
                )
            session = engine_session.open_session(settings, attempt.session_id, name=scope)
            reach("after_claim")
            yield Work(settings, ledger, attempt, session)
        state = "done"
    except BaseException as problem:
        cause = _cause(ledger, attempt, session, problem)
        state = "fenced" if isinstance(cause, Fenced) else "failed"
        error = str(cause)[:2000]
        if cause is problem:
            raise
        raise cause from problem
    finally:
        _leave(settings, ledger, attempt, state, error)
        if session is not None:
            session.stop()


def _cause(
    ledger: sa.Engine, attempt: Attempt, session: "SparkSession | None", problem: BaseException
) -> BaseException:
    """A failure may be no more than the sign that the attempt was fenced or its engine died."""
    if session is None or not isinstance(problem, Exception):
        return problem
    if isinstance(problem, CountinghouseError):
        return problem
    try:
        raise_if_gone(ledger, attempt, session)
    except (Fenced, EngineUnavailable) as cause:
        return cause
    return problem


def raise_if_gone(ledger: sa.Engine, attempt: Attempt, session: "SparkSession") -> None:
    """What failed may be wrong, or its engine gone: ask in the attempt's session.

    Raises Fenced, or EngineUnavailable where nobody has fenced the attempt.
    """
    try:
        session.sql("SELECT 1").collect()
    except Exception as problem:
        attempts.raise_if_fenced(ledger, attempt)
        raise EngineUnavailable(
            f"the engine went away during attempt {attempt.attempt_id}",
            remedy="countinghouse status",
        ) from problem


def _leave(settings: Settings, ledger: sa.Engine, attempt: Attempt, state: str, error: str) -> None:
    """Close the attempt, once the engine has dropped what a failed one may still have queued."""
    if state == "failed":
        try:
            engine_session.fence(settings, attempt.session_id)
        except EngineUnavailable:
            with ledger.begin() as connection:
                attempts.abandon(connection, attempt.attempt_id, error=error)
            return
    with ledger.begin() as connection:
        attempts.close(connection, attempt.attempt_id, state, error=error)


# 2. Write: landing and dbt write below `version.attempt_root(...)`, a directory of this attempt.
# 3. Manifest


def manifest(work: Work, versions: Iterable[Version]) -> None:
    """Describe each written directory; a directory that differs from its manifest is unusable."""
    for version in versions:
        write_manifest(work.settings.warehouse, version)
    # One sync for data and manifests: thousands of partitions would pay for thousands.
    os.sync()
    reach("after_manifest")


# 4. Audit


def audit(work: Work, batch: Batch, verdicts: Mapping[Partition, Verdict]) -> list[Version]:
    """Record the gates' verdicts beside the data and in the ledger; return what passed.

    A partition without a verdict has not been audited and does not pass.
    """
    passed = []
    for version in batch.versions:
        verdict = verdicts.get((version.table, version.dt), Verdict(passed=False))
        problem = broken(work.settings.warehouse, version)
        write_json(
            work.settings.warehouse / version.location / AUDIT,
            {
                "passed": verdict.passed and not problem,
                "failures": [*verdict.failures, *([problem] if problem else [])],
                "results": list(verdict.results),
            },
            durable=False,
        )
        if verdict.passed and not problem:
            passed.append(version)
    os.sync()
    audited = {(version.table, version.dt) for version in batch.versions}
    of_these = {partition: verdicts[partition] for partition in audited & verdicts.keys()}
    publications.record_gates(work.ledger, work.attempt, of_these)
    reach("after_audit")
    return passed


# 5. Publish


def publish(work: Work, batch: Batch, passed: Sequence[Version]) -> list[Version]:
    """Make the versions that passed visible; return those whose content is new.

    Equal content after a rebuild publishes nothing: only its inputs are confirmed.
    An engine that dies in between is waited for; the set then rolls forward in a new session.
    """
    if not passed:
        return []
    reach("before_publish")
    # After the decision it would be too late: what is decided rolls forward.
    for name, before in published.table_specs(work.ledger, {v.table for v in passed}).items():
        metastore.refuse_other_shape(before, batch.tables[name])
    set_id, changed = publications.decide(work.ledger, work.attempt, batch, passed)
    reach("after_decide")
    pointers.log_set(work.settings, work.ledger, set_id)
    new = {version.version_id for version in changed}
    same = [version for version in passed if version.version_id not in new]
    pointers.log_confirmed(work.settings, work.ledger, same)
    roll_forward_surviving(work, set_id)
    return changed


def roll_forward_surviving(work: Work, set_id: str) -> None:
    """Roll a set forward in the attempt's session, or in a new one after the engine died."""
    try:
        roll_forward(work.settings, work.ledger, work.session, set_id)
    except CountinghouseError:
        raise
    except Exception as problem:
        # Whether the engine did what was sent is unknown: it is asked again, until it is certain.
        _retry_in_new_session(work, set_id, problem)


def roll_forward(
    settings: Settings, ledger: sa.Engine, session: "SparkSession", set_id: str
) -> None:
    """Move the pointers of a decided set, read each back, and complete the set; idempotent."""
    decided = publications.load_set(ledger, set_id)
    if decided is None:
        return
    pointers.project(settings, ledger, session, decided)
    reach("in_publish_after_pointer")
    pointers.read_back(settings, session, decided)
    reach("before_complete")
    publications.complete(ledger, decided)
    reach("after_complete")


def _retry_in_new_session(work: Work, set_id: str, problem: Exception) -> None:
    for _ in range(3):
        engine_session.wait_until_healthy(work.settings, _ENGINE_RESTART_SECONDS)
        with work.ledger.begin() as connection:
            attempts.renew_session(connection, work.attempt, engine_session.new_session_id())
        session = engine_session.open_session(work.settings, work.attempt.session_id)
        try:
            return roll_forward(work.settings, work.ledger, session, set_id)
        except CountinghouseError:
            raise
        except Exception as again:
            problem = again
        finally:
            session.stop()
    raise EngineUnavailable(
        f"publication set {set_id} is decided but the engine keeps failing: {problem}",
        remedy="countinghouse reconcile, once the engine is healthy",
    ) from problem


# 6. Events: `publications.complete` wrote them to the outbox in its transaction; outbox.py sends.
# 7. reconcile.py finishes what a crash left between 5 and 6.
