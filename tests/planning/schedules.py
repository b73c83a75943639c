"""Random histories of a warehouse: deliveries, corrections, builds of parts, holds, new code."""

from collections.abc import Callable
from itertools import chain
from typing import Any

from hypothesis import strategies as st
from planning.world import World
from planning.world_models import (
    CUSTOMERS,
    MOVES_DAYS,
    NAMES,
    ORDERS,
    PRODUCTS,
    RATES,
    REGIONS,
    REPORTS,
    RESTATES_DAYS,
    SHIPMENTS,
)

from countinghouse.names import OPEN, dates_between, plus_days

# Two months: dimensions with history keep closed intervals by month.
DAYS = dates_between("2026-01-26", "2026-02-06")
Action = Callable[[World], object]

_day = st.sampled_from(DAYS)
_products = st.sampled_from("abc")
_small = st.integers(0, 2)


@st.composite
def orders(draw: st.DrawFn) -> Action:
    """A day's orders, some late, some of the day after; a second one corrects the first."""
    dt = draw(_day)
    known = [day for day in DAYS if abs(DAYS.index(day) - DAYS.index(dt)) <= 3]
    row = st.tuples(st.sampled_from([*known, dt, dt, dt]), _products, _small)
    rows = draw(st.lists(row, max_size=4, unique_by=lambda row: row[:2]))
    return lambda world: world.deliver(ORDERS, dt, rows)


@st.composite
def snapshots(draw: st.DrawFn) -> Action:
    dt, feed = draw(_day), draw(st.sampled_from([PRODUCTS, PRODUCTS, REGIONS]))
    rows = draw(st.dictionaries(_products, _small, max_size=3))
    return lambda world: world.deliver(feed, dt, rows.items())


@st.composite
def rates(draw: st.DrawFn) -> Action:
    dt = draw(_day)
    days = st.sampled_from(DAYS[: DAYS.index(dt) + 2])
    rows = draw(st.dictionaries(days, _small, max_size=5))
    return lambda world: world.deliver(RATES, dt, [(day, "USD", rows[day]) for day in rows])


@st.composite
def reports(draw: st.DrawFn) -> Action:
    """A report of a day that states the days before it anew, some of them without rows."""
    dt = draw(_day)
    days = dates_between(plus_days(dt, -RESTATES_DAYS), dt)
    row = st.tuples(st.sampled_from(days), _products, _small)
    rows = draw(st.lists(row, max_size=4, unique_by=lambda row: row[:2]))
    return lambda world: world.deliver(REPORTS, dt, rows)


@st.composite
def shipments(draw: st.DrawFn) -> Action:
    """Parcels whose date of shipment may be another than it was, within the days of lateness."""
    dt = draw(_day)
    shipped = st.sampled_from(dates_between(plus_days(dt, -MOVES_DAYS), dt))
    rows = draw(
        st.lists(st.tuples(shipped, _products, _small), max_size=3, unique_by=lambda r: r[1])
    )
    return lambda world: world.deliver(SHIPMENTS, dt, rows)


@st.composite
def change_logs(draw: st.DrawFn) -> Action:
    """Two positions of a log for each day; deliveries that are not made leave a gap."""
    n = draw(st.integers(0, len(DAYS) - 1))
    name = draw(st.sampled_from("xyz"))
    kept = draw(st.lists(st.sampled_from([2 * n, 2 * n + 1]), min_size=1, max_size=2, unique=True))
    return lambda world: world.deliver(CUSTOMERS, DAYS[n], [(DAYS[n], at, name) for at in kept])


@st.composite
def builds(draw: st.DrawFn) -> Action:
    """A build of anything, of some models, of a range, one whose gates refuse a model."""
    selection = draw(st.just(["all"]) | st.lists(st.sampled_from(NAMES), min_size=1, max_size=6))
    first, last = draw(st.just(("", OPEN)) | st.tuples(_day, _day).map(sorted))
    forced = draw(st.sampled_from([False, False, False, True]))
    fails = draw(st.just([]) | st.just([]) | st.lists(st.sampled_from(NAMES), max_size=1))
    return lambda world: world.build(selection, first, last, forced=forced, fails=fails)


@st.composite
def holds(draw: st.DrawFn) -> Action:
    """A rollback, a claim by somebody else, or the end of either."""
    kind, n = draw(st.sampled_from(["roll back", "claim", "end"])), draw(st.integers(0, 200))

    def act(world: World) -> None:
        of_models = [p for p in sorted(world.pointers) if p[0] in NAMES]
        changed = [p for p in of_models if len(world.history[p]) > 1]
        if kind == "end" and world.held:
            world.held.discard(sorted(world.held)[n % len(world.held)])
        elif kind == "claim" and of_models:
            world.held.add(of_models[n % len(of_models)])
        elif kind == "roll back" and changed:
            partition = changed[n % len(changed)]
            kept = world.history[partition]
            world.roll_back(partition, kept[n % len(kept)])

    return act


def code_changes() -> st.SearchStrategy[Action]:
    return st.sampled_from(NAMES).map(lambda name: lambda world: world.change_code(name))


def schedules(*, max_size: int = 14) -> st.SearchStrategy[list[Any]]:
    """Deliveries and builds in any order, with all that may come between them."""
    deliveries = orders() | snapshots() | rates() | reports() | shipments() | change_logs()
    some = st.lists(deliveries, min_size=1, max_size=3)
    others = (builds() | builds() | holds() | code_changes()).map(lambda action: [action])
    return st.lists(some | others, max_size=max_size).map(lambda parts: [*chain(*parts)])
