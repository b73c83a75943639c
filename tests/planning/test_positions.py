"""What lies behind a missing position of a change log is held, whatever the order of arrival."""

from hypothesis import given
from hypothesis import strategies as st

from countinghouse.planning.positions import Gap, Positions, gap


def log(**by_date: list[tuple[int, int]]) -> dict[str, Positions]:
    return {dt: Positions(tuple(ranges)) for dt, ranges in by_date.items()}


def test_positions_in_a_row_leave_no_gap() -> None:
    assert gap(log(a=[(1, 5)], b=[(6, 9)], c=[(10, 10)])) is None


def test_a_missing_delivery_holds_those_behind_it() -> None:
    assert gap(log(a=[(1, 5)], c=[(8, 9)], d=[(10, 11)])) == Gap(6, 7, ("c", "d"))


def test_a_late_delivery_ends_the_hold() -> None:
    assert gap(log(a=[(1, 5)], c=[(8, 9)], z=[(6, 7)])) is None


def test_a_delivery_that_lacks_a_position_is_held_as_a_whole() -> None:
    assert gap(log(a=[(1, 5)], b=[(6, 7), (9, 12)])) == Gap(8, 8, ("b",))


def test_the_log_begins_where_the_contract_says() -> None:
    declared = {"a": Positions(((3, 5),), first=1)}
    assert gap(declared) == Gap(1, 2, ("a",))
    assert str(gap(declared)) == "positions 1 to 2 are missing; held: dt=a"


def test_positions_that_never_come_are_no_gap() -> None:
    assert gap({"a": Positions(((1, 5), (8, 9)), known_missing=((6, 7),))}) is None


def test_no_delivery_is_no_gap() -> None:
    assert gap({}) is None
    assert gap(log(a=[])) is None


@given(st.sets(st.integers(1, 30), min_size=1))
def test_what_is_not_held_is_a_log_without_gaps(came: set[int]) -> None:
    by_date = {f"{n % 7}": Positions(()) for n in came}
    for n in came:
        dt = f"{n % 7}"
        by_date[dt] = Positions((*by_date[dt].ranges, (n, n)))
    found = gap(by_date)
    held = found.held if found else ()
    applied = {n for n in came if f"{n % 7}" not in held}
    if applied:
        assert applied <= set(range(min(came), max(applied) + 1))
        assert set(range(min(came), max(applied) + 1)) <= came
