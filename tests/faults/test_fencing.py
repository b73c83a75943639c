"""Faults 25 to 27, 38, 101, 102: whoever came later wins, whatever the earlier one still does."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from countinghouse import engine_session, failpoints
from countinghouse.errors import Fenced
from countinghouse.ledger.tables import attempts, claims, pointers, publication_sets
from countinghouse.names import WHOLE
from countinghouse.publishing import reconcile as reconcile_module
from countinghouse.publishing.reconcile import finish_crashes, reconcile
from countinghouse.settings import Settings
from tests import harness
from tests.faults.children import child, publisher
from tests.faults.world import DTS, Pair, publish, reconcile_in_child, shown

ALL = {*DTS, WHOLE}


_NOT_FENCED = pytest.param(False, marks=pytest.mark.harmed)


@pytest.fixture(params=[True, _NOT_FENCED], ids=["fenced", "not fenced"])
def fenced(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """With the fence, and as negative control without: the ledger's lock alone is not enough."""
    if not request.param:
        monkeypatch.setattr(engine_session, "fence", lambda *_, **__: None)
    return bool(request.param)


def test_fault_101_a_killed_publishers_queued_statement_does_not_undo_its_successor(
    installation: Settings, pair: Pair, session: Any, tmp_path: Path, fenced: bool
) -> None:
    (tmp_path / "open").mkdir()
    publish(installation, pair, 1)
    with publisher(pair, 2, run_id="killed", gate=tmp_path) as predecessor:
        predecessor.wait_until_queued(tmp_path)
        predecessor.kill()
        publish(installation, pair, 3, run_id="successor")
    (tmp_path / "open" / "now").write_text("x\n")
    if fenced:
        assert shown(session, pair) == dict.fromkeys(ALL, 3)
        reconcile(installation)
        assert shown(session, pair) == dict.fromkeys(ALL, 3)
    else:
        _wait_for(session, pair, 2)


def test_fault_27_fault_102_a_frozen_publisher_that_wakes_does_not_undo_its_successor(
    installation: Settings, pair: Pair, session: Any, fenced: bool
) -> None:
    publish(installation, pair, 1)
    point = "in_publish_before_pointer:stop"
    with publisher(pair, 2, run_id="frozen", failpoint=point) as predecessor:
        predecessor.wait_until_frozen()
        publish(installation, pair, 3, run_id="successor")
        ended = predecessor.wake()
    if fenced:
        assert ended.startswith("Fenced"), ended
        assert shown(session, pair) == dict.fromkeys(ALL, 3)
    else:
        assert 2 in shown(session, pair).values()


def test_a_set_that_was_overtaken_is_closed_without_moving_a_pointer(
    installation: Settings, ledger: sa.Engine, pair: Pair, session: Any
) -> None:
    publish(installation, pair, 1)
    point = "after_decide:kill9"
    with publisher(pair, 2, run_id=pair.name, failpoint=point) as predecessor:
        predecessor.wait_until_killed()
    publish(installation, pair, 3, run_id="successor")
    reconcile(installation)
    assert shown(session, pair) == dict.fromkeys(ALL, 3)
    with ledger.connect() as connection:
        states = connection.execute(
            sa.select(publication_sets.c.state)
            .join(attempts, attempts.c.attempt_id == publication_sets.c.attempt_id)
            .where(attempts.c.run_id == pair.name)
        ).scalars()
        assert set(states) == {"complete"}
        epochs = sa.select(pointers.c.epoch).where(pointers.c.table_name == pair.daily)
        assert len(set(connection.execute(epochs).scalars())) == 1


def test_a_reconciler_that_wakes_does_not_undo_what_was_published_since(
    installation: Settings, pair: Pair, session: Any
) -> None:
    publish(installation, pair, 1)
    with publisher(pair, 2, run_id="dead", failpoint="after_decide:kill9") as predecessor:
        predecessor.wait_until_killed()
    overtaken = []

    def meanwhile() -> None:
        overtaken.append(publish(installation, pair, 3, run_id="successor"))

    failpoints.hooks["in_publish_before_pointer"] = meanwhile
    with pytest.raises(Fenced):
        reconcile(installation)
    assert overtaken
    assert shown(session, pair) == dict.fromkeys(ALL, 3)


def test_who_finds_a_set_that_another_is_rolling_forward_waits_for_its_end(
    installation: Settings, pair: Pair, session: Any
) -> None:
    publish(installation, pair, 1)
    with publisher(pair, 2, run_id="dead", failpoint="after_decide:kill9") as predecessor:
        predecessor.wait_until_killed()
    with ThreadPoolExecutor() as pool:
        found, ended = [], []

        def meanwhile() -> None:
            found.append(pool.submit(finish_crashes, installation))
            ended.extend(wait(found, timeout=6).done)

        failpoints.hooks["in_publish_before_pointer"] = meanwhile
        reconcile(installation)
        assert found[0].result(60) == []
    # It would plan as if nothing had been published.
    assert not ended
    assert shown(session, pair) == dict.fromkeys(ALL, 2)


def test_who_waits_for_one_that_rolls_a_set_forward_and_dies_of_it_does_so_instead(
    installation: Settings, pair: Pair, session: Any
) -> None:
    publish(installation, pair, 1)
    with publisher(pair, 2, run_id="dead", failpoint="after_decide:kill9") as predecessor:
        predecessor.wait_until_killed()
    point = "in_publish_before_pointer:stop"
    with child(reconcile_in_child, point) as other, ThreadPoolExecutor() as pool:
        other.wait_until_frozen()
        waiting = pool.submit(finish_crashes, installation)
        assert not wait([waiting], timeout=2).done
        other.kill()
        assert any(done.startswith("rolled") for done in waiting.result(60))
    assert shown(session, pair) == dict.fromkeys(ALL, 2)


@pytest.mark.parametrize("when", ["busy", "_tables"])
def test_a_reconciler_undoes_no_set_that_is_completed_while_it_looks(
    installation: Settings,
    pair: Pair,
    session: Any,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    publish(installation, pair, 1)
    asked, calls = getattr(reconcile_module, when), []

    def at_its_claim(*words: Any) -> Any:
        # `_tables` is asked once before, for what is suspected.
        calls.append(when)
        if len(calls) == (2 if when == "_tables" else 1):
            assert publisher_at_work.wake() == "published"
        return asked(*words)

    monkeypatch.setattr(reconcile_module, when, at_its_claim)
    point = "before_complete:stop"
    with publisher(pair, 2, run_id="alive", failpoint=point) as publisher_at_work:
        publisher_at_work.wait_until_frozen()
        assert not [done for done in reconcile(installation) if pair.name in done]
    assert calls
    assert shown(session, pair) == dict.fromkeys(ALL, 2)


def test_fault_25_of_two_writers_of_a_partition_the_later_claim_wins(
    installation: Settings, ledger: sa.Engine, pair: Pair, session: Any
) -> None:
    later = []
    failpoints.hooks["before_publish"] = lambda: later.extend(
        publish(installation, pair, 2, run_id="later")
    )
    with pytest.raises(Fenced, match="lost its claim"):
        publish(installation, pair, 1, run_id="earlier")
    assert shown(session, pair) == dict.fromkeys(ALL, 2)
    with ledger.connect() as connection:
        query = sa.select(pointers.c.version_id, claims.c.epoch).join(
            claims,
            sa.and_(
                claims.c.table_name == pointers.c.table_name,
                claims.c.dt == pointers.c.dt,
                claims.c.epoch == pointers.c.epoch,
            ),
        )
        found = connection.execute(
            query.where(pointers.c.table_name.startswith(f"marts.{pair.name}"))
        )
        assert sorted(found.all()) == sorted((version.version_id, 2) for version in later)


def test_fault_27_who_is_fenced_while_it_works_does_not_take_it_for_an_engine_that_died(
    installation: Settings, pair: Pair, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed, closed, fence = threading.Event(), threading.Event(), engine_session.fence

    def slowly(*words: Any) -> None:
        fence(*words)
        if not closed.is_set():
            closed.set()
            # The session is closed, and the ledger does not say so yet.
            time.sleep(3)

    def work_on() -> None:
        # It renews its lease too rarely to meet its successor there.
        settings = installation.model_copy(update={"lease_seconds": 600})
        with harness.claimed(settings, pair.partitions, run_id="a task") as work:
            claimed.set()
            closed.wait(60)
            work.session.sql("select 1").collect()

    monkeypatch.setattr(engine_session, "fence", slowly)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(work_on)
        assert claimed.wait(60)
        publish(installation, pair, 1, run_id="a task")
    # It would begin again, and fence its successor.
    assert isinstance(first.exception(), Fenced), first.exception()
    assert shown(session, pair) == dict.fromkeys(ALL, 1)


def test_fault_26_two_writers_of_different_partitions_of_a_table_are_both_exact(
    installation: Settings, pair: Pair, session: Any
) -> None:
    publish(installation, pair, 1)
    values = {DTS[0]: 2, DTS[1]: 3, DTS[2]: 4}
    with ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(
                publish, installation, pair, value, run_id=dt, partitions=[(pair.daily, dt)]
            )
            for dt, value in values.items()
        ]
    assert [len(run.result()) for run in runs] == [1, 1, 1]
    assert shown(session, pair) == values | {WHOLE: 1}


def test_fault_38_a_publisher_that_is_frozen_beyond_its_lease_is_finished_without_it(
    installation: Settings, pair: Pair, session: Any
) -> None:
    publish(installation, pair, 1)
    with publisher(pair, 2, run_id="frozen", failpoint="after_decide:stop") as frozen:
        frozen.wait_until_frozen()
        end = time.monotonic() + 10 * installation.lease_seconds
        while set(shown(session, pair).values()) != {2}:
            assert time.monotonic() < end, "nobody has rolled the set forward"
            reconcile(installation, full=False)
        publish(installation, pair, 3, run_id="successor")
        # Its own set was published, by somebody else; it must not do so again.
        ended = frozen.wake()
    assert ended.startswith(("Fenced", "published")), ended
    assert shown(session, pair) == dict.fromkeys(ALL, 3)
    assert not [done for done in reconcile(installation) if pair.name in done]


def _wait_for(session: Any, pair: Pair, value: int) -> None:
    """Until the probe has seen that version: it would see a lost fence."""
    for _ in range(30):
        if value in shown(session, pair).values():
            return
    raise AssertionError(f"version {value} never came back: the probe is blind")
