"""Windows and months over 29 February and the end of a year, as the planner counts them."""

import pytest
from planning.world import World, shop
from planning.world_models import ORDERS, PRODUCTS

from countinghouse.names import OPEN, dates_between

DIMENSION = "marts.dim_products"


@pytest.mark.parametrize(
    ("first", "last", "late", "windows"),
    [
        ("2024-02-24", "2024-03-06", "2024-02-26", ("2024-02-26", "2024-03-03")),
        ("2024-02-24", "2024-03-06", "2024-02-29", ("2024-02-29", "2024-03-06")),
        ("2023-02-24", "2023-03-06", "2023-02-26", ("2023-02-26", "2023-03-04")),
        ("2020-12-26", "2021-01-06", "2020-12-28", ("2020-12-28", "2021-01-03")),
    ],
)
def test_fault_87_seven_days_are_seven_days_over_leap_days_and_years(
    first: str, last: str, late: str, windows: tuple[str, str]
) -> None:
    world = shop(first, last)
    world.deliver(ORDERS, last, [*world.log[ORDERS, last, 0].rows, (late, "c", 4)])
    assert world.plan().builds["marts.rpt_trailing_7d"] == tuple(dates_between(*windows))
    world.build()
    assert world.contents() == world.rebuilt().contents()


@pytest.mark.parametrize(
    ("days", "months"),
    [
        # An interval lies in the month of the day on which another one takes its place.
        (("2024-02-28", "2024-02-29"), {"2024-02-01"}),
        (("2024-02-29", "2024-03-01"), {"2024-03-01"}),
        (("2023-02-28", "2023-03-01"), {"2023-03-01"}),
        (("2023-12-31", "2024-01-01"), {"2024-01-01"}),
        (("2024-02-28", "2024-02-29", "2024-03-01"), {"2024-02-01", "2024-03-01"}),
    ],
)
def test_fault_87_an_interval_is_closed_in_the_month_of_its_end(
    days: tuple[str, ...], months: set[str]
) -> None:
    world = World()
    for price, day in enumerate(days, 1):
        world.deliver(PRODUCTS, day, [("a", price)])
        world.build()
    assert {dt for table, dt in world.contents() if table == DIMENSION} == {*months, OPEN}
    assert world.contents() == world.rebuilt().contents()
