"""Garbage is collected; what is published, held, wanted for a rollback or in use is not."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from countinghouse.errors import CountinghouseError
from countinghouse.ledger import garbage, holds
from countinghouse.ledger.garbage import Keep
from countinghouse.ledger.holds import Hold
from countinghouse.ledger.tables import versions
from countinghouse.publishing import branch, gc
from countinghouse.publishing.publication import manifest
from countinghouse.publishing.rollback import rollback
from countinghouse.publishing.version import Version
from tests.harness import claimed, publish_numbers, read_numbers, spec, write_numbers

DAY, NEXT = "2026-01-01", "2026-01-02"
EAGER = {"gc_grace_seconds": 0, "rollback_depth": 0}


@pytest.fixture
def eager(installation: Any) -> Any:
    """The installation, without grace and without rollback."""
    return installation.model_copy(update=EAGER)


def publish_in_turn(settings: Any, table: str, *turns: list[int]) -> list[Version]:
    return [publish_numbers(settings, table, {DAY: numbers})[0] for numbers in turns]


def has_files(settings: Any, version: Version) -> bool:
    return (settings.warehouse / version.location / "part-0.parquet").exists()


def test_replaced_versions_go_and_the_published_one_stays(eager: Any, session: Any) -> None:
    old, new = publish_in_turn(eager, "marts.gc_replaced", [1], [2])

    gc.collect(eager, dry_run=False)

    assert (has_files(eager, old), has_files(eager, new)) == (False, True)
    assert read_numbers(session, "marts.gc_replaced") == {DAY: [2]}


def test_without_delete_they_are_only_named(eager: Any) -> None:
    old, _ = publish_in_turn(eager, "marts.gc_dry", [1], [2])

    found = gc.collect(eager)

    assert old.location.rpartition("/")[0] in {item.name for item in found}
    assert has_files(eager, old)


def test_the_newest_replaced_versions_stay_for_a_rollback(eager: Any) -> None:
    deep = eager.model_copy(update={"rollback_depth": 2})
    kept = publish_in_turn(deep, "marts.gc_depth", [1], [2], [3], [4])

    gc.collect(deep, dry_run=False)

    assert [has_files(deep, version) for version in kept] == [False, True, True, True]


def test_what_was_replaced_within_the_grace_period_may_still_be_read(eager: Any) -> None:
    patient = eager.model_copy(update={"gc_grace_seconds": 3600})
    old, _ = publish_in_turn(patient, "marts.gc_grace", [1], [2])

    gc.collect(patient, dry_run=False)

    assert has_files(patient, old)


def test_what_a_running_attempt_may_have_pinned_stays(eager: Any) -> None:
    publish_in_turn(eager, "marts.gc_pinned", [1])
    with claimed(eager, [("marts.gc_reader", DAY)], run_id="a long build"):
        publish_in_turn(eager, "marts.gc_pinned", [2])
        pinned = [item.name for item in gc.collect(eager) if "gc_pinned" in item.name]
    after = [item.name for item in gc.collect(eager) if "gc_pinned" in item.name]

    assert (len(pinned), len(after)) == (0, 1)


def test_a_held_version_stays_and_so_does_what_the_rollback_replaced(eager: Any) -> None:
    deep = eager.model_copy(update={"rollback_depth": 1})
    old, new = publish_in_turn(deep, "marts.gc_held", [1], [2])
    rollback(deep, "marts.gc_held", DAY, hold=Hold("test", "test"))

    gc.collect(deep, dry_run=False)

    assert (has_files(deep, old), has_files(deep, new)) == (True, True)


def test_a_batch_that_failed_its_gate_is_a_leftover(eager: Any, ledger: sa.Engine) -> None:
    publish_numbers(eager, "marts.gc_failed", {DAY: [1], NEXT: [2]}, passed=False)

    found = gc.collect(eager, dry_run=False)

    left = [item for item in found if item.name.endswith("marts.gc_failed")]
    assert [item.kind for item in left] == ["leftover"]
    assert not list(eager.warehouse.glob("versions/*/marts.gc_failed"))


def test_directories_of_an_attempt_at_work_are_left_alone(eager: Any) -> None:
    partition = ("marts.gc_working", DAY)
    with claimed(eager, [partition]) as work:
        version = write_numbers(work, *partition, [1])
        gc.collect(eager, dry_run=False)
        assert has_files(eager, version)


def test_a_branch_without_a_living_attempt_is_dropped(eager: Any, session: Any) -> None:
    with claimed(eager, [("marts.gc_branch", DAY)]) as work:
        own = branch.branch_schema(work.attempt.attempt_id)
        session.sql(f"CREATE SCHEMA {own}")
        session.sql("CREATE SCHEMA branch_of_nobody")
        gc.collect(eager, dry_run=False)
        left = {row[0] for row in session.sql("SHOW DATABASES LIKE 'branch_*'").collect()}
        assert left == {own}
    gc.collect(eager, dry_run=False)
    assert session.sql("SHOW DATABASES LIKE 'branch_*'").collect() == []


def test_fault_24_a_killed_collection_is_finished_by_the_next(eager: Any, session: Any) -> None:
    table = "marts.gc_killed"
    days = {f"2026-01-{day:02}": [day] for day in range(1, 6)}
    publish_numbers(eager, table, days)
    old = {path.name for path in eager.warehouse.glob(f"versions/*/{table}/dt=*")}
    publish_numbers(eager, table, {dt: [0, *rows] for dt, rows in days.items()})

    killed = run_gc("mid_gc:kill9")
    left = {path.name for path in eager.warehouse.glob(f"versions/*/{table}/dt=*")}
    finished = run_gc("")

    assert (killed.returncode, finished.returncode) == (-9, 0)
    assert left == old
    assert len(list(eager.warehouse.glob(f"versions/*/{table}"))) == 1
    assert read_numbers(session, table) == {dt: [0, *rows] for dt, rows in days.items()}


def run_gc(failpoint: str) -> subprocess.CompletedProcess[str]:
    more = {f"COUNTINGHOUSE_{key.upper()}": str(value) for key, value in EAGER.items()}
    return subprocess.run(
        [sys.executable, "-m", "countinghouse.cli", "gc", "--delete"],
        env=os.environ | more | {"COUNTINGHOUSE_FAILPOINT": failpoint},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_collected_version_cannot_be_rolled_back_to(eager: Any, ledger: sa.Engine) -> None:
    table = "marts.gc_then_rollback"
    old, _ = publish_in_turn(eager, table, [1], [2])
    with claimed(eager, [(table, DAY)]) as work:
        with ledger.begin() as connection:
            connection.execute(
                versions.update()
                .where(versions.c.version_id == old.version_id)
                .values(collected_at=sa.func.now())
            )
        with pytest.raises(CountinghouseError, match="has been collected"):
            holds.decide_earlier(ledger, work.attempt, old, spec(table), Hold("test", "test"))


def test_a_version_that_a_rollback_has_chosen_is_not_marked(eager: Any, ledger: sa.Engine) -> None:
    table = "marts.gc_after_rollback"
    old, _ = publish_in_turn(eager, table, [1], [2])
    keep = Keep(rollback_depth=0, grace_seconds=0)
    with ledger.connect() as connection:
        chosen = [item.version_id for item in garbage.unneeded(connection, keep)]
    assert old.version_id in chosen

    rollback(eager, table, DAY, hold=Hold("test", "test"))

    with ledger.begin() as connection:
        assert old.version_id not in garbage.mark_collected(connection, keep, chosen)


def test_a_ledger_older_than_its_warehouse_collects_nothing(eager: Any) -> None:
    stranger = eager.warehouse / "pointers" / "0123456789abcdef.json"
    stranger.write_text("{}")
    try:
        with pytest.raises(CountinghouseError, match="does not know"):
            gc.collect(eager, dry_run=False)
    finally:
        stranger.unlink()


def test_an_attempt_that_reconcile_has_closed_decides_nothing(
    eager: Any, ledger: sa.Engine
) -> None:
    from countinghouse.errors import Fenced
    from countinghouse.ledger import attempts, publications
    from countinghouse.publishing.publication import Batch

    table = "marts.gc_zombie"
    with claimed(eager, [(table, DAY)]) as work:
        version = write_numbers(work, table, DAY, [1])
        manifest(work, [version])
        with ledger.begin() as connection:
            attempts.close(connection, work.attempt.attempt_id, "fenced")
        batch = Batch([version], {table: spec(table)})
        with pytest.raises(Fenced):
            publications.decide(ledger, work.attempt, batch, [version])
