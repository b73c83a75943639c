"""Each rule of the planner on a small shop of ten days over the end of a month."""

from dataclasses import replace

import pytest
from planning.world import CONTRACT, World, deliver_day, deliver_rates, shop
from planning.world_models import NAMES, ORDERS, PRODUCTS, RATES, REGIONS

from countinghouse.names import OPEN, WHOLE, dates_between, plus_days
from countinghouse.planning import planner
from countinghouse.planning.model_graph import Graph
from countinghouse.planning.planner import ABSENT, Fold, Partition, Plan, Published, State

FIRST, LAST = "2026-01-26", "2026-02-04"
DAYS = dates_between(FIRST, LAST)
NEXT = "2026-02-05"
_BUILT = shop(FIRST, LAST)

# Models whose partition of a date follows from the orders of that date.
OF_ORDERS = (
    "staging.stg_orders",
    "intermediate.int_products_seen",
    "marts.fct_orders",
    "marts.fct_priced_orders",
    "marts.rpt_daily",
    "marts.rpt_converted",
)


@pytest.fixture
def world() -> World:
    return _BUILT.copy()


def builds(plan: Plan) -> dict[str, list[str]]:
    return {table: list(dts) for table, dts in plan.builds.items()}


def daily(plan: Plan) -> dict[str, list[str]]:
    """What is planned of tables with a partition per day."""
    found = builds(plan)
    return {t: dts for t, dts in found.items() if dts != [WHOLE] and OPEN not in dts}


def staleness(world: World, table: str, dt: str) -> tuple[str, ...]:
    graph = world.graph
    return planner.why_stale(graph.by_name[table], dt, world.state(), graph)


# --- what is stale, and what follows ---


def test_a_built_warehouse_has_nothing_to_build(world: World) -> None:
    assert world.stale() == set()
    assert not world.plan()


def test_what_was_never_built_is_stale() -> None:
    world = World()
    world.deliver(ORDERS, FIRST, [(FIRST, "a", 1)])
    assert ("staging.stg_orders", FIRST) in world.stale()
    assert staleness(world, "staging.stg_orders", FIRST) == ("never built",)


def test_parents_are_built_before_children(world: World) -> None:
    deliver_day(world, NEXT)
    deliver_rates(world, FIRST, NEXT)
    order = list(world.plan().builds)
    assert order == [name for name in NAMES if name in order]
    assert len(order) == 14


def test_children_of_what_is_stale_are_built_in_the_same_pass(world: World) -> None:
    world.change_code("staging.stg_orders", since=LAST)
    plan = world.plan()
    assert plan.reasons["staging.stg_orders", LAST] == ("code changed",)
    assert plan.reasons["marts.fct_orders", LAST] == ("a parent is rebuilt",)
    assert plan.reasons["marts.rpt_totals", WHOLE] == ("a parent is rebuilt",)


def test_equal_content_makes_nothing_downstream_stale(world: World) -> None:
    before = dict(world.pointers)
    world.deliver(ORDERS, LAST, [*world.log[ORDERS, LAST, 0].rows, (LAST, "a", 1)])
    assert world.build(["staging.stg_orders"]) == []
    assert world.stale() == {("staging.stg_order_log", WHOLE)}
    assert {p: v for p, v in world.pointers.items() if p[0] != ORDERS} == {
        p: v for p, v in before.items() if p[0] != ORDERS
    }


def test_a_model_whose_gate_failed_stays_stale_with_what_reads_it(world: World) -> None:
    world.deliver(ORDERS, LAST, [(LAST, "a", 5)])
    world.build(fails=["marts.fct_orders"])
    assert ("staging.stg_orders", LAST) not in world.stale()
    assert ("marts.fct_orders", LAST) in world.stale()
    world.build()
    assert world.contents() == world.rebuilt().contents()


@pytest.mark.parametrize(
    ("built", "reader"),
    [
        ("stg_orders", ("marts.fct_orders", LAST)),
        ("stg_products", ("marts.dim_products", OPEN)),
        ("stg_regions", ("marts.fct_orders", FIRST)),
        ("stg_regions", ("marts.fct_priced_orders", FIRST)),
        ("stg_regions", ("marts.dim_priced_regions", OPEN)),
        ("stg_rates", ("marts.fct_rates", LAST)),
        ("stg_order_log", ("staging.stg_order_log", WHOLE)),
    ],
)
def test_a_parent_that_was_built_alone_makes_what_reads_it_stale(
    world: World, built: str, reader: Partition
) -> None:
    """As its recorded inputs tell: no plan names both."""
    world.deliver(ORDERS, LAST, [(LAST, "a", 5)])
    world.deliver(PRODUCTS, LAST, [("a", 99)])
    world.deliver(REGIONS, LAST, [("a", 9)])
    world.deliver(RATES, LAST, [*world.log[RATES, LAST, 0].rows[:-1], (LAST, "USD", 9)])
    was_stale = reader in world.stale()
    world.build([built])
    is_itself = reader[0].endswith(built)
    assert (was_stale, reader in world.stale()) == (is_itself, not is_itself)


def test_only_the_selected_models_are_planned(world: World) -> None:
    world.deliver(ORDERS, LAST, [(LAST, "a", 5)])
    plan = world.plan(["stg_orders", "rpt_daily"])
    assert builds(plan) == {"staging.stg_orders": [LAST]}


def test_the_range_bounds_daily_models_only(world: World) -> None:
    deliver_day(world, NEXT)
    world.deliver(ORDERS, FIRST, [(FIRST, "a", 5)])
    plan = world.plan(first=NEXT, last=NEXT)
    assert {dt for dts in daily(plan).values() for dt in dts} == {NEXT}
    assert plan.builds["marts.rpt_totals"] == (WHOLE,)
    assert OPEN in plan.builds["marts.dim_products"]


def test_a_forced_plan_takes_every_date_of_the_range(world: World) -> None:
    plan = world.plan(["stg_rates", "stg_regions"], DAYS[1], DAYS[3], forced=True)
    assert builds(plan) == {"staging.stg_rates": DAYS[1:4], "staging.stg_regions": [WHOLE]}
    assert plan.reasons["staging.stg_rates", DAYS[1]] == ("asked for",)


# --- deliveries ---


def test_fault_109_an_unchanged_snapshot_builds_nothing(world: World) -> None:
    world.deliver(PRODUCTS, NEXT, world.log[PRODUCTS, LAST, 0].rows)
    world.deliver(REGIONS, NEXT, world.log[REGIONS, LAST, 0].rows)
    assert not world.plan()


def test_a_changed_snapshot_builds_its_changes_and_the_dimension(world: World) -> None:
    world.deliver(PRODUCTS, NEXT, [("a", 99), ("b", 7)])
    assert builds(world.plan()) == {
        "staging.stg_products": [NEXT],
        "marts.dim_products": ["2026-02-01", OPEN],
        "marts.dim_priced_regions": ["2026-02-01", OPEN],
        "marts.rpt_totals": [WHOLE],
    }


def test_a_corrected_snapshot_builds_its_own_changes_and_the_next(world: World) -> None:
    world.deliver(PRODUCTS, DAYS[3], [("a", 99), ("b", 7)])
    plan = world.plan()
    assert plan.builds["staging.stg_products"] == (DAYS[3], DAYS[4])
    assert plan.builds["marts.fct_orders"] == tuple(DAYS[3:])


def test_a_snapshot_that_no_longer_differs_leaves_an_empty_partition(world: World) -> None:
    world.deliver(PRODUCTS, LAST, world.log[PRODUCTS, DAYS[-2], 0].rows)
    assert ("staging.stg_products", LAST) in world.build()
    assert ("staging.stg_products", LAST) not in world.contents()
    assert world.contents() == world.rebuilt().contents()


def test_fault_109_an_empty_delivery_rebuilds_nothing_and_moves_the_watermark(world: World) -> None:
    world.deliver(ORDERS, NEXT, [])
    assert daily(world.plan()) == {"marts.rpt_trailing_7d": [NEXT]}


def test_the_newest_snapshot_alone_makes_a_table_without_partitions(world: World) -> None:
    world.deliver(REGIONS, DAYS[2], [("a", 9)])
    assert not world.plan()
    world.deliver(REGIONS, LAST, [("a", 9)])
    assert world.plan().builds["staging.stg_regions"] == (WHOLE,)


def test_a_table_without_partitions_is_followed_by_every_date_that_reads_it(world: World) -> None:
    world.deliver(REGIONS, LAST, [("a", 9)])
    assert daily(world.plan()) == {
        table: DAYS
        for table in (
            "marts.fct_orders",
            "marts.fct_priced_orders",
            "marts.rpt_daily",
            "marts.rpt_trailing_7d",
            "marts.rpt_converted",
        )
    }


def test_fault_78_a_second_cumulative_file_plans_the_date_it_touches_and_its_windows(
    world: World,
) -> None:
    repeated = world.log[RATES, LAST, 0].rows
    changed = [(day, c, 3 if day == DAYS[2] else rate) for day, c, rate in repeated]
    world.deliver(RATES, NEXT, changed)
    assert builds(world.plan()) == {
        "staging.stg_rates": [DAYS[2]],
        # The day after the newest one is carried forward.
        "marts.fct_rates": [*DAYS[2:8], NEXT],
        "marts.rpt_converted": [*DAYS[2:8], NEXT],
    }


def test_a_cumulative_file_older_than_the_newest_changes_nothing(world: World) -> None:
    world.deliver(RATES, DAYS[4], [(DAYS[0], "USD", 8)])
    assert not world.plan()


def test_fault_110_a_late_row_plans_its_day_and_the_seven_windows_over_it(world: World) -> None:
    world.deliver(ORDERS, LAST, [*world.log[ORDERS, LAST, 0].rows, (DAYS[1], "c", 4)])
    planned = daily(world.plan())
    assert planned.pop("marts.rpt_trailing_7d") == DAYS[1:8]
    assert planned == {table: [DAYS[1]] for table in OF_ORDERS}


def test_fault_108_a_row_that_moves_to_another_date_plans_both(world: World) -> None:
    world.deliver(ORDERS, DAYS[5], [(DAYS[5], "a", 1), (DAYS[4], "b", 2)])
    assert world.plan().builds["marts.fct_orders"] == (DAYS[4], DAYS[5])
    world.build()
    assert [row[:2] for row in world.contents()["marts.fct_orders", DAYS[5]]] == [("a", 1)]
    assert world.contents() == world.rebuilt().contents()


def test_a_correction_that_removes_all_rows_empties_the_date(world: World) -> None:
    world.deliver(ORDERS, DAYS[5], [])
    world.build()
    assert ("marts.fct_orders", DAYS[5]) in world.pointers
    assert ("marts.fct_orders", DAYS[5]) not in world.contents()
    assert world.contents() == world.rebuilt().contents()


def test_windows_end_at_what_the_feeds_have_told_about(world: World) -> None:
    tables = {table: dts for (table, dts) in world.pointers}
    assert tables["marts.rpt_trailing_7d"] == LAST
    world.deliver(ORDERS, LAST, [*world.log[ORDERS, LAST, 0].rows, ("2026-02-06", "a", 1)])
    assert world.plan().builds["marts.rpt_trailing_7d"] == (NEXT, "2026-02-06")


def test_dates_beyond_what_is_told_become_empty_when_a_correction_takes_them_back(
    world: World,
) -> None:
    known = world.log[ORDERS, LAST, 0].rows
    world.deliver(ORDERS, LAST, [*known, ("2026-02-06", "a", 1)])
    world.build()
    world.deliver(ORDERS, LAST, known)
    plan = world.plan()
    assert plan.builds["marts.rpt_trailing_7d"] == (NEXT, "2026-02-06")
    world.build()
    assert world.contents() == _BUILT.contents()


# --- code ---


def test_fault_111_a_comment_makes_nothing_stale(world: World) -> None:
    models = tuple(replace(m, comment="Better said.") for m in world.graph.models)
    assert planner.stale(Graph(models), world.state()) == []


def test_fault_111_new_code_makes_exactly_its_dates_stale(world: World) -> None:
    world.change_code("marts.rpt_daily")
    assert world.stale() == {("marts.rpt_daily", dt) for dt in DAYS}


def test_new_code_from_a_date_on_leaves_earlier_dates_alone(world: World) -> None:
    world.change_code("marts.rpt_daily", since=DAYS[7])
    assert world.stale() == {("marts.rpt_daily", dt) for dt in DAYS[7:]}
    assert world.plan().builds["marts.rpt_daily"] == tuple(DAYS[7:])


def test_new_code_of_a_dimension_rebuilds_it_and_every_fact_that_reads_it(world: World) -> None:
    world.change_code("marts.dim_products")
    plan = world.plan()
    assert plan.folds["marts.dim_products"].full
    assert plan.builds["marts.fct_orders"] == tuple(DAYS)
    world.build()
    assert world.contents() == world.rebuilt().contents()


# --- holds ---


def test_fault_112_a_held_partition_is_not_planned_until_released(world: World) -> None:
    partition = ("staging.stg_orders", LAST)
    world.deliver(ORDERS, LAST, [(LAST, "a", 5)])
    world.build()
    world.roll_back(partition)
    assert partition not in world.stale()
    assert "staging.stg_orders" not in world.plan().builds
    world.held.clear()
    assert partition in world.stale()
    assert world.plan().builds["staging.stg_orders"] == (LAST,)


def test_what_reads_a_rolled_back_partition_is_stale(world: World) -> None:
    world.deliver(ORDERS, LAST, [(LAST, "a", 5)])
    world.build()
    world.roll_back(("staging.stg_orders", LAST))
    assert {("marts.fct_orders", LAST), ("intermediate.int_products_seen", LAST)} <= world.stale()
    world.build()
    assert world.contents()["marts.rpt_daily", LAST] == _BUILT.contents()["marts.rpt_daily", LAST]


def test_a_parent_that_is_rebuilt_does_not_touch_a_held_child(world: World) -> None:
    world.held.add(("marts.fct_orders", LAST))
    world.deliver(ORDERS, LAST, [(LAST, "a", 5)])
    plan = world.plan()
    assert plan.builds["staging.stg_orders"] == (LAST,)
    assert "marts.fct_orders" not in plan.builds


@pytest.mark.parametrize("part", [OPEN, "2026-02-01"])
def test_a_dimension_of_which_a_part_is_held_is_not_built(world: World, part: str) -> None:
    world.held.add(("marts.dim_products", part))
    world.deliver(PRODUCTS, NEXT, [("a", 99), ("b", 7)])
    assert "marts.dim_products" not in world.plan().builds


@pytest.mark.parametrize("part", [OPEN, "2026-02-01"])
def test_a_released_part_of_a_dimension_restarts_its_fold(world: World, part: str) -> None:
    world.deliver(PRODUCTS, NEXT, [("a", 99), ("b", 7)])
    world.build()
    world.roll_back(("marts.dim_products", part))
    world.held.clear()
    assert ("marts.dim_products", part) in world.stale()
    assert world.plan().folds["marts.dim_products"].full
    world.build()
    assert world.contents() == world.rebuilt().contents()


# --- dimensions with history ---


def test_a_new_day_is_folded_into_what_is_published(world: World) -> None:
    deliver_day(world, NEXT)
    plan = world.plan()
    assert plan.folds["marts.dim_products"] == Fold((NEXT,), full=False)
    assert plan.builds["marts.dim_products"] == ("2026-02-01", OPEN)


def test_days_that_were_built_before_the_fold_are_folded_too(world: World) -> None:
    deliver_day(world, NEXT)
    deliver_day(world, "2026-02-06")
    world.build(["staging", "intermediate"], last=NEXT)
    fold = world.plan().folds["marts.dim_products"]
    assert fold == Fold((NEXT, "2026-02-06"), full=False)


def test_a_change_of_a_date_already_applied_folds_from_nothing(world: World) -> None:
    world.deliver(ORDERS, DAYS[3], [(DAYS[3], "c", 1)])
    fold = world.plan().folds["marts.dim_products"]
    assert fold == Fold(tuple(DAYS), full=True)


def test_a_change_applied_elsewhere_folds_from_nothing(world: World) -> None:
    world.deliver(PRODUCTS, DAYS[3], [("a", 99)])
    world.build(["staging"])
    assert world.plan().folds["marts.dim_products"].full


def test_a_forced_fold_starts_from_nothing_and_writes_all_it_had(world: World) -> None:
    plan = world.plan(["dim_products"], forced=True)
    assert plan.folds["marts.dim_products"].full
    assert plan.builds["marts.dim_products"] == ("2026-01-01", "2026-02-01", OPEN)


def test_a_full_fold_empties_a_month_in_which_nothing_ends_any_more(world: World) -> None:
    for day in DAYS:
        world.deliver(PRODUCTS, day, [("a", 1)] if day < "2026-02-01" else [("a", 2)])
    world.build()
    assert ("marts.dim_products", "2026-01-01") in world.pointers
    assert ("marts.dim_products", "2026-01-01") not in world.contents()
    assert world.contents() == world.rebuilt().contents()


def test_a_full_fold_empties_a_month_that_has_no_changes_any_more() -> None:
    world = World()
    world.deliver(PRODUCTS, "2026-01-30", [("a", 1)])
    world.deliver(PRODUCTS, "2026-02-02", [("a", 2)])
    world.build()
    world.deliver(PRODUCTS, "2026-02-02", [("a", 1)])
    world.build(["staging"])
    world.build()
    assert ("marts.dim_products", "2026-02-01") in world.pointers
    assert world.contents() == world.rebuilt().contents()


def test_another_parent_of_a_dimension_folds_it_from_nothing(world: World) -> None:
    world.deliver(REGIONS, NEXT, [("a", 5)])
    plan = world.plan()
    assert plan.folds["marts.dim_priced_regions"].full
    assert "marts.dim_products" not in plan.builds


def test_a_fact_waits_for_a_dimension_that_is_not_selected(world: World) -> None:
    deliver_day(world, NEXT)
    world.build(["staging", "intermediate"])
    assert not world.plan(["fct_orders"])
    assert NEXT in world.plan(["fct_orders", "dim_products"]).builds["marts.fct_orders"]


def test_a_fact_waits_when_changes_are_built_without_their_dimension(world: World) -> None:
    deliver_day(world, NEXT)
    plan = world.plan(["stg_orders", "stg_products", "fct_orders"])
    assert builds(plan) == {"staging.stg_orders": [NEXT], "staging.stg_products": [NEXT]}


@pytest.mark.parametrize("part", [OPEN, "2026-02-01"])
def test_a_fact_waits_while_a_part_of_its_dimension_is_rolled_back(world: World, part: str) -> None:
    world.deliver(PRODUCTS, NEXT, [("a", 99), ("b", 7)])
    world.build()
    world.roll_back(("marts.dim_products", part))
    # The same products are sold: nothing else makes the dimension stale.
    world.deliver(ORDERS, LAST, [(LAST, "a", 5), (LAST, "b", 2)])
    world.build(["staging", "intermediate"])
    assert "marts.fct_priced_orders" in world.plan().builds
    assert "marts.fct_orders" not in world.plan().builds


# --- lost data ---


def lose(world: World, *partitions: Partition) -> State:
    """The state after the data of published partitions has vanished."""
    state = world.state()
    kept = {
        table: {dt: version for dt, version in found.items() if (table, dt) not in partitions}
        for table, found in state.published.items()
    }
    return replace(state, published=kept, lost=frozenset(partitions))


def planned(world: World, state: State, *names: str, forced: bool = False) -> Plan:
    models = world.graph.select(names or ("all",))
    return planner.plan(world.graph, state, models, forced=forced)


def test_a_lost_partition_is_built_again_with_what_reads_it(world: World) -> None:
    plan = planned(world, lose(world, ("marts.fct_orders", LAST)))
    assert plan.reasons["marts.fct_orders", LAST] == ("never built",)
    assert ("marts.rpt_daily", LAST) in plan.partitions


@pytest.mark.parametrize("part", ["2026-01-01", OPEN])
def test_a_lost_part_of_a_dimension_is_restored_by_a_fold_from_nothing(
    world: World, part: str
) -> None:
    dimension = "marts.dim_products"
    assert (dimension, part) in world.pointers
    plan = planned(world, lose(world, (dimension, part)))
    assert plan.folds[dimension].full
    assert part in plan.builds[dimension]


@pytest.mark.parametrize("forced", [False, True])
def test_nothing_is_built_from_what_is_lost(world: World, forced: bool) -> None:
    raw = planned(world, lose(world, (ORDERS, LAST)), forced=forced)
    assert ("staging.stg_orders", LAST) not in raw.partitions
    assert (("staging.stg_orders", FIRST) in raw.partitions) == forced
    # Its parent is not selected, and so not restored.
    state = lose(world, ("marts.fct_orders", LAST))
    alone = planned(world, state, "marts.rpt_daily", forced=forced)
    assert ("marts.rpt_daily", LAST) not in alone.partitions
    state = lose(world, ("marts.dim_products", OPEN))
    assert "marts.rpt_totals" not in planned(world, state, "marts.rpt_totals", forced=forced).builds
    snapshot = planned(world, lose(world, (PRODUCTS, FIRST)), forced=forced)
    assert not {t for t in snapshot.builds if "product_changes" in t}


def test_a_raw_partition_is_landed_again_when_it_or_its_quarantine_is_lost() -> None:
    before = State(deliveries={ORDERS: {FIRST: ((1, 7, "x"),)}})
    inputs = planner.inputs_digest(planner.raw_inputs(ORDERS, FIRST, before))
    landed = {ORDERS: {FIRST: Published("v", "d", 1, CONTRACT, inputs)}}
    state = State(published=landed, deliveries=before.deliveries)
    assert planner.stale_raw({ORDERS: CONTRACT}, state) == []
    for table in (ORDERS, planner.quarantine_of(ORDERS)):
        found = planner.stale_raw(
            {ORDERS: CONTRACT}, replace(state, lost=frozenset({(table, FIRST)}))
        )
        assert [s.reasons for s in found] == [("lost",)]


# --- raw tables ---


def test_a_delivery_that_was_never_landed_is_stale() -> None:
    state = State(deliveries={ORDERS: {FIRST: ((1, 7, "x"),)}})
    assert [s.reasons for s in planner.stale_raw({ORDERS: CONTRACT}, state)] == [("never landed",)]
    held = replace(state, held=frozenset({(ORDERS, FIRST)}))
    assert planner.stale_raw({ORDERS: CONTRACT}, held) == []


@pytest.mark.parametrize(
    ("deliveries", "fingerprint", "reasons"),
    [
        ([(1, 7, "x")], CONTRACT, []),
        # The same bytes at another place of the log.
        ([(1, 9, "x")], CONTRACT, []),
        ([(1, 7, "y")], CONTRACT, [("deliveries changed",)]),
        ([(1, 7, "x"), (2, 8, "z")], CONTRACT, [("deliveries changed",)]),
        ([(1, 7, "x")], "another", [("contract changed",)]),
    ],
)
def test_a_landed_date_is_stale_when_its_deliveries_or_contract_differ(
    deliveries: list[tuple[int, int, str]], fingerprint: str, reasons: list[tuple[str]]
) -> None:
    before = State(deliveries={ORDERS: {FIRST: ((1, 7, "x"),)}})
    inputs = planner.inputs_digest(planner.raw_inputs(ORDERS, FIRST, before))
    landed = {ORDERS: {FIRST: Published("v", "d", 1, CONTRACT, inputs)}}
    state = State(published=landed, deliveries={ORDERS: {FIRST: tuple(deliveries)}})
    assert [s.reasons for s in planner.stale_raw({ORDERS: fingerprint}, state)] == reasons


# --- what is recorded ---


def reads(world: World, table: str, dt: str) -> list[Partition]:
    graph = world.graph
    return [
        (item.table, item.dt)
        for item in planner.resolve(graph.by_name[table], dt, world.state(), graph)
    ]


def test_absent_parents_are_recorded_too(world: World) -> None:
    model = world.graph.by_name["marts.rpt_daily"]
    (item,) = planner.resolve(model, NEXT, world.state(), world.graph)
    assert (item.table, item.dt, item.digest) == ("marts.fct_orders", NEXT, ABSENT)


def test_a_window_records_each_of_its_days(world: World) -> None:
    window = [("marts.rpt_daily", plus_days(LAST, -n)) for n in range(6, -1, -1)]
    assert reads(world, "marts.rpt_trailing_7d", LAST) == window


def test_slices_record_each_delivery_that_holds_the_date(world: World) -> None:
    world.deliver(ORDERS, LAST, [(LAST, "a", 1), (DAYS[2], "b", 2)])
    assert reads(world, "staging.stg_orders", DAYS[2]) == [(ORDERS, DAYS[2]), (ORDERS, LAST)]


def test_a_month_of_a_dimension_records_the_changes_up_to_its_end(world: World) -> None:
    january = {dt for _, dt in reads(world, "marts.dim_products", "2026-01-01")}
    assert january == {"2026-01-31"}
    assert {dt for _, dt in reads(world, "marts.dim_products", OPEN)} == {LAST}


def test_a_chain_is_one_digest_of_the_filled_partitions_up_to_a_date() -> None:
    def state(**rows: int) -> State:
        found = {dt.lstrip("_"): Published("v", f"{n}", n, "f", "i") for dt, n in rows.items()}
        return State(published={"t": found})

    some = state(_1=3, _2=0, _4=5)
    assert planner.chain("t", some) == planner.chain("t", state(_1=3, _4=5))
    assert planner.chain("t", some) != planner.chain("t", state(_1=3, _4=6))
    assert planner.chain("t", some) != planner.chain("t", state(_1=3, _5=5))
    assert planner.chain("t", some, last="3") == planner.chain("t", state(_1=3))
    assert planner.chain("t", some, last="1") != planner.chain("t", some, last="4")


def test_the_snapshot_before_is_the_newest_one_delivered_before(world: World) -> None:
    state = world.state()
    assert planner.previous_snapshot(PRODUCTS, FIRST, state) is None
    assert planner.previous_snapshot(PRODUCTS, LAST, state) == DAYS[-2]
    assert planner.previous_snapshot(PRODUCTS, "2026-03-01", state) == LAST


def test_a_chain_is_made_once_however_many_dates_ask(world: World) -> None:
    state = world.state()
    assert state.chain(PRODUCTS) is state.chain(PRODUCTS)
    assert list(state.chain(PRODUCTS).dates) == DAYS
