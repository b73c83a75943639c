"""A plan holds what a change requires and nothing else, however long the history is."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from planning.schedules import DAYS, Action, schedules
from planning.world import World, deliver_day, deliver_rates, shop
from planning.world_models import ORDERS, PRODUCTS, RATES, Row

from countinghouse.names import OPEN, WHOLE, dates_between, plus_days
from countinghouse.planning.model_graph import Edge, Graph, Reads, Shape
from countinghouse.planning.planner import Partition, Plan

RANDOM = settings(max_examples=40, deadline=None, derandomize=True, database=None)
FIRST, LAST = "2026-01-24", "2026-02-06"
_BUILT = shop(FIRST, LAST)

_rows = st.dictionaries(st.sampled_from(DAYS), st.integers(0, 3), max_size=4)


def days_of(rows: tuple[Row, ...]) -> dict[str, list[Row]]:
    return {day: [row for row in rows if row[0] == day] for day in {row[0] for row in rows}}


def touched(before: tuple[Row, ...], after: tuple[Row, ...]) -> set[str]:
    """Business dates whose rows differ between two versions of a delivery."""
    old, new = days_of(before), days_of(after)
    return {day for day in {*old, *new} if old.get(day) != new.get(day)}


def reached(days: set[str], window: int) -> set[str]:
    return {plus_days(day, n) for day in days for n in range(window + 1)}


@RANDOM
@given(st.sampled_from(DAYS), _rows)
@example("2026-02-01", {"2026-02-01": 1})
def test_a_correction_plans_the_dates_it_touches_and_their_windows(
    dt: str, rows: dict[str, int]
) -> None:
    world = _BUILT.copy()
    before = world.log[ORDERS, dt, 0].rows
    world.deliver(ORDERS, dt, [(day, "a", amount) for day, amount in rows.items()])
    plan, days = world.plan(), touched(before, world.log[ORDERS, dt, 0].rows)
    for table in ("staging.stg_orders", "marts.fct_orders", "marts.rpt_converted"):
        assert set(plan.builds.get(table, ())) == days
    windows = {day for day in reached(days, 6) if day <= LAST}
    assert set(plan.builds.get("marts.rpt_trailing_7d", ())) == windows
    assert not {"staging.stg_rates", "staging.stg_products", "marts.fct_rates"} & set(plan.builds)


@RANDOM
@given(_rows)
def test_a_cumulative_file_plans_the_dates_it_touches_and_their_windows(
    rows: dict[str, int],
) -> None:
    world = _BUILT.copy()
    before = world.log[RATES, LAST, 0].rows
    after = {day: rate for day, _, rate in before} | rows
    world.deliver(RATES, LAST, [(day, "USD", rate) for day, rate in after.items()])
    plan, days = world.plan(), touched(before, world.log[RATES, LAST, 0].rows)
    windows = {day for day in reached(days, 5) if day <= LAST}
    assert set(plan.builds.get("staging.stg_rates", ())) == days
    assert set(plan.builds.get("marts.fct_rates", ())) == windows
    assert set(plan.builds) <= {"staging.stg_rates", "marts.fct_rates", "marts.rpt_converted"}


@RANDOM
@given(st.sampled_from(DAYS), st.integers(0, 31))
def test_a_corrected_snapshot_plans_facts_from_its_date_on(dt: str, price: int) -> None:
    world = _BUILT.copy()
    before = world.log[PRODUCTS, dt, 0].rows
    world.deliver(PRODUCTS, dt, [("a", price), ("b", 7)])
    plan = world.plan()
    if world.log[PRODUCTS, dt, 0].rows == before:
        assert not plan
        return
    following = {plus_days(dt, 1)} if dt < LAST else set()
    assert set(plan.builds["staging.stg_products"]) == {dt} | following
    assert plan.builds["marts.fct_orders"] == tuple(dates_between(dt, LAST))


@RANDOM
@given(schedules())
def test_a_plan_is_what_is_stale_and_what_follows_from_it(schedule: list[Action]) -> None:
    world = World()
    for act in schedule:
        act(world)
    plan, stale = world.plan(), world.stale()
    assert set(plan.partitions) <= followers(world.graph, stale)
    of_dimensions = ("marts.fct", "marts.dim")
    assert {p for p in stale if not p[0].startswith(of_dimensions)} <= set(plan.partitions)
    assert not set(plan.partitions) & world.held


def followers(graph: Graph, stale: set[Partition]) -> set[Partition]:
    """What could differ because of `stale`, from the meaning of each edge alone."""
    found = set(stale)
    for model in graph.models:
        if model.shape is Shape.DAILY:
            found |= {(model.name, d) for e in model.edges for d in _reached(e, found, graph)}
        elif {table for table, _ in found} & {e.parent for e in model.edges} or any(
            table == model.name for table, _ in found
        ):
            parts = [WHOLE] if model.shape is Shape.WHOLE else [OPEN, "2026-01-01", "2026-02-01"]
            found |= {(model.name, part) for part in parts}
    return found


def _reached(edge: Edge, found: set[Partition], graph: Graph) -> set[str]:
    dates = {dt for table, dt in found if table == edge.parent}
    every = set(dates_between("2026-01-20", "2026-02-14"))
    match edge.reads:
        case Reads.SAME:
            return dates
        case Reads.WINDOW:
            return reached(dates, edge.days)
        case Reads.WHOLE:
            return every if dates else set()
        case Reads.AS_OF:
            changes, *others = (e.parent for e in graph.by_name[edge.parent].edges)
            changed = {dt for table, dt in found if table == changes}
            # Of the others, what was sold says nothing about a price; regions say all.
            if {table for table, _ in found} & set(others) & {"staging.stg_regions"}:
                return every
            return {day for day in every if changed and day >= min(changed)}
    return set()


@st.composite
def days_in_order(draw: st.DrawFn) -> list[tuple[str, dict[str, int], set[str]]]:
    """For each day the listed prices and the products sold."""
    prices = st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), max_size=3)
    return [(day, draw(prices), draw(st.sets(st.sampled_from("abcd")))) for day in DAYS]


@settings(RANDOM, max_examples=15)
@given(days_in_order())
def test_folding_day_by_day_equals_folding_everything_at_once(
    days: list[tuple[str, dict[str, int], set[str]]],
) -> None:
    world, folds = World(), []
    for day, prices, sold in days:
        world.deliver(PRODUCTS, day, prices.items())
        world.deliver(ORDERS, day, [(day, product, 1) for product in sold])
        folds.append(world.plan().folds.get("marts.dim_products"))
        world.build()
    applied = [fold for fold in folds if fold]
    assert all(not fold.full for fold in applied[1:])
    assert world.contents() == world.rebuilt().contents()


def planned_for_a_day_after(days: int) -> tuple[Plan, Plan]:
    """Plans for the day after so many, and for a late order of three days before it."""
    first = "2025-01-01"
    world = shop(first, plus_days(first, days - 1))
    day = plus_days(first, days)
    deliver_day(world, day)
    deliver_rates(world, first, day)
    daily = world.plan()
    world.build()
    late = plus_days(day, -3)
    world.deliver(ORDERS, day, [*world.log[ORDERS, day, 0].rows, (late, "c", 1)])
    return daily, world.plan()


def test_a_day_costs_the_same_after_a_month_and_after_ten() -> None:
    plans = [planned_for_a_day_after(days) for days in (40, 300)]
    (early, early_late), (after, after_late) = plans
    assert len(early.partitions) == len(after.partitions) == 16
    assert len(early.folds["marts.dim_products"].dates) == 1
    assert early.folds["marts.dim_products"].dates != after.folds["marts.dim_products"].dates
    daily = {"marts.fct_orders", "marts.rpt_trailing_7d", "staging.stg_orders"}
    for table in daily:
        assert len(early_late.builds[table]) == len(after_late.builds[table])
