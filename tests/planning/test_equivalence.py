"""Any history of a warehouse ends as one clean rebuild from the same deliveries would."""

from hypothesis import given, settings
from planning.schedules import Action, schedules
from planning.world import World

RANDOM = settings(max_examples=200, deadline=None, derandomize=True, database=None)


@RANDOM
@given(schedules())
def test_any_schedule_ends_as_one_clean_rebuild(schedule: list[Action]) -> None:
    world = World()
    for act in schedule:
        act(world)
    world.held.clear()
    world.build()
    assert world.stale() == set()
    assert not world.plan()
    assert world.contents() == world.rebuilt().contents()
