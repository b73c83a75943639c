"""A plan reads exactly the published partitions that its builds need."""

from dataclasses import replace

import pytest
from planning.world import World, deliver_day, deliver_rates, shop
from planning.world_models import ORDERS, PRODUCTS, RATES, REGIONS, REPORTS

from countinghouse.names import OPEN, WHOLE, dates_between
from countinghouse.planning import pinning
from countinghouse.planning.pinning import RunDate
from countinghouse.planning.planner import Plan, Slice
from countinghouse.publishing.content_digest import EMPTY

FIRST, LAST = "2026-01-26", "2026-02-04"
DAYS = dates_between(FIRST, LAST)
NEXT = "2026-02-05"
_BUILT = shop(FIRST, LAST)


@pytest.fixture
def world() -> World:
    world = _BUILT.copy()
    deliver_day(world, NEXT)
    deliver_rates(world, FIRST, NEXT)
    return world


def pinned(world: World, *selection: str, first: str = NEXT) -> dict[str, list[str]]:
    plan = world.plan(selection, first, forced=True)
    pins = pinning.pins(plan, world.state(), world.graph)
    return {relation: sorted(dts) for relation, dts in pins.items()}


def run_dates(world: World, *selection: str) -> dict[str, tuple[RunDate, ...]]:
    return pinning.run_dates(world.plan(selection), world.state(), world.graph)


def test_the_published_version_is_pinned(world: World) -> None:
    world.build()
    plan = world.plan(["rpt_daily"], NEXT, forced=True)
    pins = pinning.pins(plan, world.state(), world.graph)
    assert pins == {"marts.fct_orders": {NEXT: world.pointers["marts.fct_orders", NEXT]}}


def test_what_is_built_is_not_pinned(world: World) -> None:
    world.build(["staging", "intermediate"])
    assert NEXT not in pinned(world, "rpt_daily", "fct_orders", "dim_products")["marts.fct_orders"]


def test_a_window_pins_the_days_before_that_are_not_built(world: World) -> None:
    window = dates_between("2026-01-30", LAST)
    assert pinned(world, "fct_rates", "stg_rates")["staging.stg_rates"] == window[1:]
    world.build(["staging", "intermediate"])
    assert pinned(world, "dim_products", "fct_orders", "rpt_daily", "rpt_trailing_7d")[
        "marts.rpt_daily"
    ] == ["2026-01-30", *window[1:]]


def test_staging_pins_the_deliveries_that_hold_its_dates(world: World) -> None:
    world.deliver(ORDERS, DAYS[3], [(NEXT, "c", 1)])
    assert pinned(world, "stg_orders") == {ORDERS: [DAYS[3], NEXT]}


def test_a_cumulative_feed_is_pinned_by_its_newest_delivery(world: World) -> None:
    assert pinned(world, "stg_rates", first=FIRST) == {RATES: [NEXT]}


def test_changes_pin_each_snapshot_and_the_one_before(world: World) -> None:
    world.deliver(PRODUCTS, "2026-02-09", [("a", 1)])
    assert pinned(world, "stg_products", first="2026-02-09") == {PRODUCTS: [NEXT, "2026-02-09"]}
    runs = run_dates(world, "stg_products")["staging.stg_products"]
    assert runs == (RunDate(NEXT, LAST), RunDate("2026-02-09", NEXT))


def test_a_first_snapshot_has_none_before() -> None:
    world = World()
    world.deliver(PRODUCTS, FIRST, [("a", 1)])
    assert run_dates(world, "stg_products") == {"staging.stg_products": (RunDate(FIRST),)}


def test_the_latest_snapshot_alone_is_pinned(world: World) -> None:
    assert pinned(world, "stg_regions") == {REGIONS: [NEXT]}


def test_a_table_without_partitions_pins_all_of_its_parents(world: World) -> None:
    assert pinned(world, "rpt_totals") == {
        "marts.rpt_daily": DAYS,
        "marts.dim_products": ["2026-01-01", "2026-02-01", OPEN],
    }


def test_a_fact_pins_the_dimension_from_the_month_of_its_first_date(world: World) -> None:
    world.build(["staging", "intermediate", "dim_products"])
    dimension = "marts.dim_products"
    assert pinned(world, "fct_orders")[dimension] == ["2026-02-01", OPEN]
    assert pinned(world, "fct_orders", first=FIRST)[dimension] == ["2026-01-01", "2026-02-01", OPEN]
    assert pinned(world, "fct_orders")["staging.stg_regions"] == [WHOLE]


def test_a_fold_pins_its_open_intervals_and_the_months_it_writes(world: World) -> None:
    plan = world.plan()
    pins = pinning.pins(plan, world.state(), world.graph)
    assert sorted(pins["marts.dim_products__previous"]) == ["2026-02-01", OPEN]
    assert run_dates(world, "all")["marts.dim_products"] == (RunDate(NEXT),)


def test_a_fold_from_nothing_pins_nothing_of_its_own(world: World) -> None:
    found = pinned(world, "dim_products")
    assert found["marts.dim_products__previous"] == []
    assert found["staging.stg_products"] == DAYS


def test_a_date_taken_back_is_built_without_a_run_date(world: World) -> None:
    world.build()
    known = world.log[ORDERS, NEXT, 0].rows
    world.deliver(ORDERS, NEXT, [*known, ("2026-02-06", "a", 1)])
    world.build()
    world.deliver(ORDERS, NEXT, known)
    world.build(["staging", "intermediate", "dim_products", "fct_orders", "rpt_daily"])
    plan = world.plan(["rpt_trailing_7d"])
    assert plan.builds == {"marts.rpt_trailing_7d": ("2026-02-06",)}
    assert run_dates(world, "rpt_trailing_7d") == {"marts.rpt_trailing_7d": ()}
    assert pinning.pins(plan, world.state(), world.graph) == {"marts.rpt_daily": {}}


@pytest.mark.parametrize(("digest", "stated_by"), [("1:7:", NEXT), (EMPTY.digest, None)])
def test_a_day_that_its_newest_delivery_left_empty_is_stated_by_none(
    world: World, digest: str, stated_by: str | None
) -> None:
    pieces = (Slice(LAST, "1:7:"), Slice(NEXT, digest))
    state = replace(world.state(), slices={REPORTS: {LAST: pieces}})
    runs = pinning.run_dates(Plan({"staging.stg_reports": (LAST,)}), state, world.graph)
    assert runs == {"staging.stg_reports": (RunDate(LAST, None, stated_by),)}
