"""Landing and building, killed at every point: a table of each kind, under watchers of them all."""

import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from installations import another, engine_process

from countinghouse.engine_session import open_session, wait_until_healthy
from countinghouse.landing.treatments import PII_KEY
from tests.faults.invariants import violated
from tests.faults.kinds import Company, both, build_all, land_all
from tests.faults.watchers import Watcher, histories, torn, watchers
from tests.faults.world import DECIDED, POINTS

# Before the decision a killed run leaves as much to do as it found: the next one is killed as well.
UNDECIDED, LATER = POINTS[:DECIDED], POINTS[DECIDED:]
# Each of the others is gone through on request.
SHORT = ("in_publish_after_pointer",)
# Seconds, about as long as landing and building a day takes.
_MOMENTS = 15.0


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "points" in metafunc.fixturenames:
        everywhere = metafunc.config.getoption("--every-point")
        groups = [UNDECIDED, *((point,) for point in LATER)] if everywhere else [SHORT]
        metafunc.parametrize("points", groups, ids=", ".join)


@pytest.fixture(scope="module")
def company(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Company, list[Watcher]]]:
    """A day is published, and watched from then on."""
    folder = tmp_path_factory.mktemp("kinds")
    quickly = {"lease_seconds": 8, "reconcile_seconds": 2}
    with another(with_persons(folder / "home"), **quickly) as own:
        made = Company(own, folder / "later")
        made.prepare()
        made.deliver()
        both(own)
        one, other = watchers(own)
        with one, other:
            yield made, [one, other]


def with_persons(home: Path) -> Path:
    """A home that hashes persons as the other one does."""
    (home / "secrets").mkdir(parents=True, mode=0o700)
    (home / "secrets" / PII_KEY).write_text("the same key")
    return home


@pytest.fixture
def moments(request: pytest.FixtureRequest) -> Iterator[float]:
    """Seconds until each kill; fewer of them than of quick publications, none unless asked for."""
    rng = random.Random(request.config.getoption("--fault-seed"))
    kills = int(request.config.getoption("--random-kills")) // 10
    if not kills:
        pytest.skip("a minute each: countinghouse verify faults")
    return (rng.uniform(0, _MOMENTS) for _ in range(kills))


def test_fault_2_fault_3_fault_4_fault_107_fault_114_a_run_killed_at_any_point_is_done_again(
    company: tuple[Company, list[Watcher]], points: Sequence[str]
) -> None:
    made, watched = company
    made.deliver()
    for job in (land_all, build_all):
        for point in points:
            with made.process(job, f"{point}:kill9") as killed:
                killed.wait_until_killed()
        # Nobody has tidied up.
        job(made.settings)
    for watcher in watched:
        watcher.wait_for_a_look_at_all()


def test_fault_1_a_run_killed_at_random_is_done_again(
    company: tuple[Company, list[Watcher]], moments: Iterator[float]
) -> None:
    made, _ = company
    for moment in moments:
        made.deliver()
        with made.process(both) as killed:
            killed.process.join(moment)
            killed.kill()
        both(made.settings)


def test_fault_1_a_run_survives_an_engine_killed_at_random(
    company: tuple[Company, list[Watcher]], moments: Iterator[float]
) -> None:
    made, _ = company
    for moment in moments:
        made.deliver()
        killer = threading.Timer(moment, engine_process(made.settings).kill)
        killer.start()
        with made.process(both) as run:
            assert run.ended() == "done"
        killer.join()
        wait_until_healthy(made.settings, 120)


def test_fault_1_fault_2_fault_3_fault_4_no_watcher_of_any_kind_of_table_sees_a_torn_read(
    company: tuple[Company, list[Watcher]], record_property: Callable[[str, object], None]
) -> None:
    made, watched = company
    for watcher in watched:
        watcher.wait_for_a_look_at_all()
        record_property("reads", watcher.reads)
        record_property("mixed", watcher.mixed)
        record_property("gap", round(watcher.gap, 2))
        assert all(len(shown) > 1 for shown in watcher.seen.values())
    published = histories(made.settings)
    found = torn(published, watched)
    record_property("torn", len(found))
    assert found == []
    # What was seen and is gone, or is what it was before, would be told.
    for table, shown in watched[0].seen.items():
        for last in ({}, {day: (1, "other rows") for day in shown[-1]}):
            watched[0].seen = defaultdict(list, {table: [shown[-1], last]})
            assert torn(published, watched[:1])
    session = open_session(made.settings, name="test")
    assert violated(made.settings, session) == []
    session.stop()


def test_fault_1_fault_2_fault_3_fault_4_after_all_kills_the_tables_are_those_of_undisturbed_runs(
    request: pytest.FixtureRequest,
    company: tuple[Company, list[Watcher]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    if not request.config.getoption("--every-point"):
        pytest.skip("minutes, with an installation more: countinghouse verify faults")
    made, watched = company
    # Again: the same digests, so that no pointer moves.
    before = len(made.publications())
    made.again()
    assert made.publications()[before:] == []
    with another(with_persons(tmp_path_factory.mktemp("undisturbed") / "home")) as settings:
        expected = made.undisturbed(settings).published()
    assert made.published() == expected
    assert len(expected) > len(watched[0].queries)
