"""An earlier version is published again, and stays until somebody releases it."""

import shutil
from typing import Any

import pytest
import sqlalchemy as sa

from countinghouse.errors import CountinghouseError
from countinghouse.ledger.holds import Hold
from countinghouse.ledger.state import load_state
from countinghouse.ledger.tables import pointers, slices
from countinghouse.publishing.reconcile import reconcile
from countinghouse.publishing.rollback import release, rollback
from tests.harness import claimed, publish_numbers, read_numbers

DAY, NEXT = "2026-01-01", "2026-01-02"
HOLD = Hold("wrong rates", "finance")


def is_held(ledger: sa.Engine, table: str, dt: str) -> bool:
    with ledger.connect() as connection:
        return (table, dt) in load_state(connection).held


def test_fault_100_readers_see_the_earlier_version_and_other_dates_stay(
    installation: Any, session: Any
) -> None:
    table = "marts.rolled_back"
    publish_numbers(installation, table, {DAY: [1, 2], NEXT: [7]})
    publish_numbers(installation, table, {DAY: [1, 99], NEXT: [8]})

    rollback(installation, table, DAY, hold=HOLD)

    assert read_numbers(session, table) == {DAY: [1, 2], NEXT: [8]}


def test_an_unpartitioned_table_is_rolled_back_too(installation: Any, session: Any) -> None:
    table = "marts.rolled_back_whole"
    publish_numbers(installation, table, {"all": [1, 2]})
    publish_numbers(installation, table, {"all": [3]})

    rollback(installation, table, "all", hold=HOLD)

    assert read_numbers(session, table) == {"all": [1, 2]}


def test_a_rollback_takes_a_new_epoch(installation: Any, ledger: sa.Engine) -> None:
    table = "marts.rolled_back_epoch"
    for numbers in ([1], [2], [3]):
        publish_numbers(installation, table, {DAY: numbers})

    rollback(installation, table, DAY, hold=HOLD)

    with ledger.connect() as connection:
        epoch = sa.select(pointers.c.epoch).where(pointers.c.table_name == table)
        assert connection.execute(epoch).scalar_one() == 4


def test_rolling_back_twice_goes_back_two_versions(installation: Any, session: Any) -> None:
    table = "marts.rolled_back_twice"
    for numbers in ([1], [2], [3]):
        publish_numbers(installation, table, {DAY: numbers})

    rollback(installation, table, DAY, hold=HOLD)
    rollback(installation, table, DAY, hold=HOLD)

    assert read_numbers(session, table) == {DAY: [1]}


def test_a_version_can_be_named_by_the_attempt_that_wrote_it(
    installation: Any, session: Any
) -> None:
    table = "marts.rolled_back_to"
    first = publish_numbers(installation, table, {DAY: [1]})
    for numbers in ([2], [3]):
        publish_numbers(installation, table, {DAY: numbers})

    rollback(installation, table, DAY, to=first[0].attempt_id, hold=HOLD)

    assert read_numbers(session, table) == {DAY: [1]}


def test_fault_112_the_partition_is_held_until_it_is_released(
    installation: Any, ledger: sa.Engine
) -> None:
    table = "marts.held"
    for numbers in ([1], [2]):
        publish_numbers(installation, table, {DAY: numbers})

    rollback(installation, table, DAY, hold=HOLD)
    assert is_held(ledger, table, DAY)

    release(installation, table, DAY)
    assert not is_held(ledger, table, DAY)
    with pytest.raises(CountinghouseError, match="is not held"):
        release(installation, table, DAY)


def test_a_partition_with_one_version_cannot_go_back(installation: Any) -> None:
    publish_numbers(installation, "marts.only_once", {DAY: [1]})

    with pytest.raises(CountinghouseError, match="an earlier version"):
        rollback(installation, "marts.only_once", DAY, hold=HOLD)


def test_a_damaged_version_is_refused_and_the_current_one_stays(
    installation: Any, ledger: sa.Engine, session: Any
) -> None:
    table = "marts.damaged"
    first = publish_numbers(installation, table, {DAY: [1]})
    publish_numbers(installation, table, {DAY: [2]})
    (installation.warehouse / first[0].location / "part-0.parquet").write_bytes(b"")

    with pytest.raises(CountinghouseError, match="differs from its manifest"):
        rollback(installation, table, DAY, hold=HOLD)

    assert read_numbers(session, table) == {DAY: [2]}
    assert not is_held(ledger, table, DAY)


def test_a_lost_partition_can_go_back(installation: Any, session: Any) -> None:
    table = "marts.rolled_back_lost"
    publish_numbers(installation, table, {DAY: [1]})
    (current,) = publish_numbers(installation, table, {DAY: [2]})
    shutil.rmtree(installation.warehouse / current.location)
    reconcile(installation)

    rollback(installation, table, DAY, hold=HOLD)

    assert read_numbers(session, table) == {DAY: [1]}


def test_a_partition_that_somebody_builds_is_left_to_them(installation: Any) -> None:
    table = "marts.being_built"
    for numbers in ([1], [2]):
        publish_numbers(installation, table, {DAY: numbers})

    with (
        claimed(installation, [(table, DAY)], run_id="a long build"),
        pytest.raises(CountinghouseError, match="being built"),
    ):
        rollback(installation, table, DAY, hold=HOLD)


def raw_slices(ledger: sa.Engine, table: str) -> dict[tuple[str, str], str]:
    query = sa.select(slices).where(slices.c.source == table)
    with ledger.connect() as connection:
        return {(r.delivery_dt, r.business_date): r.digest for r in connection.execute(query)}


def slices_of(digests: dict[str, str], *, cumulative: bool = False) -> dict[str, Any]:
    dates = {day: {"rows": 1, "digest": digest, "money": {}} for day, digest in digests.items()}
    return {"dates": dates, **({"cumulative": True} if cumulative else {})}


def test_slices_of_an_event_feed_go_back_with_their_delivery(
    installation: Any, ledger: sa.Engine
) -> None:
    table = "raw.test__events"
    late = {DAY: slices_of({"2025-12-31": "a", DAY: "b"})}
    publish_numbers(installation, table, {DAY: [1]}, slices=late)
    publish_numbers(installation, table, {DAY: [2]}, slices={DAY: slices_of({DAY: "c"})})
    assert raw_slices(ledger, table) == {(DAY, DAY): "c"}

    rollback(installation, table, DAY, hold=HOLD)

    assert raw_slices(ledger, table) == {(DAY, "2025-12-31"): "a", (DAY, DAY): "b"}


def test_slices_of_a_cumulative_feed_are_those_of_its_newest_delivery(
    installation: Any, ledger: sa.Engine
) -> None:
    table = "raw.test__rates"

    def deliver(dt: str, number: int, digests: dict[str, str]) -> None:
        told = {dt: slices_of(digests, cumulative=True)}
        publish_numbers(installation, table, {dt: [number]}, slices=told)

    deliver(DAY, 1, {DAY: "a"})
    deliver(DAY, 2, {DAY: "changed"})
    deliver(NEXT, 3, {DAY: "a", NEXT: "b"})
    deliver(NEXT, 4, {DAY: "a", NEXT: "wrong"})

    # An older delivery decides nothing, forth or back.
    rollback(installation, table, DAY, hold=HOLD)
    assert raw_slices(ledger, table) == {("", DAY): "a", ("", NEXT): "wrong"}

    rollback(installation, table, NEXT, hold=HOLD)
    assert raw_slices(ledger, table) == {("", DAY): "a", ("", NEXT): "b"}
