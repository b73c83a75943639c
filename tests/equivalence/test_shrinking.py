"""What is told of a schedule that fails: its smallest form, and the first rows that differ."""

from collections.abc import Sequence

from equivalence.equal import Different
from equivalence.runs import follow
from equivalence.shrinking import smallest
from equivalence.steps import Build, Deliver, Step
from hypothesis import strategies as st

DAYS = [f"2026-01-{n:02}" for n in range(1, 31)]


def test_what_does_not_matter_is_left_out_of_a_schedule() -> None:
    long: list[Step] = [Deliver("shop.orders", day, (("a",), ("b",), ("c",))) for day in DAYS]
    long.insert(20, Build(("marts.dim_products",), DAYS[0], DAYS[9], forced=True))

    def fails(schedule: Sequence[Step]) -> bool:
        """If the fifth day's second row comes before a build that is forced."""
        rows = [
            row for s in schedule if isinstance(s, Deliver) and s.dt == DAYS[4] for row in s.rows
        ]
        return ("b",) in rows and any(isinstance(s, Build) and s.forced for s in schedule)

    assert smallest(long, fails) == [
        Deliver("shop.orders", DAYS[4], (("b",),)),
        Build(forced=True),
    ]


def test_the_first_schedule_that_differs_ends_a_run_and_is_told() -> None:
    def ends(schedule: Sequence[Step]) -> int:
        if len(schedule) > 2:
            raise Different(schedule, ["3 partitions differ"])
        return 7

    steps: st.SearchStrategy[list[Step]] = st.lists(st.just(Build()), max_size=9)
    report = follow(steps, ends, 50, 0)

    assert report.difference == "build all\nbuild all\nbuild all\n3 partitions differ"
    assert 0 < report.equal < 50
    assert report.partitions == 7 * report.equal
    assert f"equivalence: {report.equal} of 50 schedules equal" in str(report)
