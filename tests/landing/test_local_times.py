"""Local times, calendars and clocks of sources: every UTC day exact, every local day whole."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from feeds import Landed, Landing, csv_of

from countinghouse.contracts import Contract

Sales = Callable[..., Contract]
HALF_HOUR = dt.timedelta(minutes=30)
# Fall-back and spring-forward of two zones in which they are on different days.
TURNS = {
    "America/New_York": ("2025-11-02", "2026-03-08"),
    "Europe/Berlin": ("2025-10-26", "2026-03-29"),
}
DELIVERED = "2026-04-10"


def half_hours(day: str, zone: str) -> Iterator[dt.datetime]:
    """Every half hour from the local midnight before a local day to the one after the next."""
    at = dt.datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)) - dt.timedelta(days=1)
    end = at + dt.timedelta(days=3)
    at, end = at.astimezone(dt.UTC), end.astimezone(dt.UTC)
    while at < end:
        yield at
        at += HALF_HOUR


def written(at: dt.datetime, zone: str, *, offset: bool) -> str:
    """An instant as a clock of the zone shows it; twice shown, it always names its offset."""
    local = at.astimezone(ZoneInfo(zone))
    twice = local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()
    return local.isoformat(sep=" ", timespec="seconds")[: 25 if offset or twice else 19]


def lines(days: tuple[str, str], zone: str, *, offset: bool) -> list[str]:
    """A sale of 0.01 at every half hour around both days."""
    instants = [at for day in days for at in half_hours(day, zone)]
    return [f"s,{n},0.01,EUR,{written(at, zone, offset=offset)}," for n, at in enumerate(instants)]


def totals(landed: Landed) -> dict[str, tuple[int, int]]:
    """Rows and cents by business date."""
    return {
        day: (found.rows, found.money["amount EUR"]) for day, found in landed.only.slices.items()
    }


@pytest.mark.parametrize("zone", TURNS)
def test_fault_84_utc_totals_are_exact_and_local_days_have_23_or_25_hours(
    landing: Landing, sales: Sales, zone: str
) -> None:
    fall, spring = TURNS[zone]
    local = {"column": "sold_at", "source_zone": zone, "zone": zone}
    by_local_day = landing.land(
        sales(business_date=local, max_lateness_days=None),
        {DELIVERED: csv_of(*lines((fall, spring), zone, offset=True))},
    )
    by_utc_day = landing.land(
        sales(business_date=local | {"zone": "UTC"}, max_lateness_days=None),
        {DELIVERED: csv_of(*lines((fall, spring), zone, offset=False))},
    )

    half_hours_of = {day: 2 * hours for day, hours in ((fall, 25), (spring, 23))}
    found = totals(by_local_day)
    assert {day: found[day] for day in (fall, spring)} == {
        day: (count, count) for day, count in half_hours_of.items()
    }
    assert sorted(rows for rows, _ in found.values()) == [46, 48, 48, 48, 48, 50]
    instants = [at for day in (fall, spring) for at in half_hours(day, zone)]
    expected = Counter(at.date().isoformat() for at in instants)
    assert totals(by_utc_day) == {day: (count, count) for day, count in expected.items()}
    assert by_utc_day.only.quarantined == {}


def test_fault_84_local_times_that_are_none_or_two_are_bad(landing: Landing, sales: Sales) -> None:
    zone = {"column": "sold_at", "source_zone": "America/New_York", "zone": "America/New_York"}
    lines = [
        "a,1,1.00,EUR,2026-03-08 02:30:00,",
        "a,2,1.00,EUR,2026-03-08 03:30:00,",
        "a,3,1.00,EUR,2025-11-02 01:30:00,",
        "a,4,1.00,EUR,2025-11-02 01:30:00-04:00,",
        "a,5,1.00,EUR,2026-03-09 23:59:59,",
    ]
    contract = sales(business_date=zone, max_lateness_days=None)
    landed = landing.land(contract, {"2026-03-09": csv_of(*lines)})
    assert reasons(landed) == {
        1: "sold_at: local time does not exist",
        3: "sold_at: local time is ambiguous",
    }
    found = {row["line"]: (row["sold_at"], row["_business_date"]) for row in landed.raw()}
    assert found[2] == (dt.datetime(2026, 3, 8, 7, 30), "2026-03-08")
    assert found[4] == (dt.datetime(2025, 11, 2, 5, 30), "2025-11-02")
    assert found[5] == (dt.datetime(2026, 3, 10, 3, 59, 59), "2026-03-09")


def test_fault_85_a_time_without_offset_is_local_in_the_declared_zone(
    landing: Landing, sales: Sales
) -> None:
    # A zone whose hours are no hours of UTC, far enough east for the date to be another one.
    declared = {"column": "sold_at", "source_zone": "Asia/Kathmandu", "zone": "America/Los_Angeles"}
    lines = [
        "a,1,1.00,EUR,2026-03-10 12:00:00,",
        "a,2,1.00,EUR,2026-03-10 13:00:00,",
        "a,3,1.00,EUR,2026-03-10 12:00:00Z,",
        "a,4,1.00,EUR,2026-03-10 12:00:00-03:30,",
    ]
    landed = landing.land(sales(business_date=declared), {"2026-03-10": csv_of(*lines)})
    assert {row["line"]: (str(row["sold_at"]), row["_business_date"]) for row in landed.raw()} == {
        1: ("2026-03-10 06:15:00", "2026-03-09"),
        2: ("2026-03-10 07:15:00", "2026-03-10"),
        3: ("2026-03-10 12:00:00", "2026-03-10"),
        4: ("2026-03-10 15:30:00", "2026-03-10"),
    }


CALENDAR = {
    "2024-02-29 12:00:00": None,
    "2023-02-29 12:00:00": "sold_at: not a time",
    "1900-02-29 12:00:00": "sold_at: not a time",
    "2000-02-29 12:00:00": None,
    "2024-02-30 12:00:00": "sold_at: not a time",
    "2025-04-30 23:59:59.999999": None,
    "2025-04-31 00:00:00": "sold_at: not a time",
    "2024-12-31 23:59:59.999999": None,
    "2025-01-01 00:00:00": None,
    # The first days of these years are in week 53 of the year before.
    "2021-01-03 23:00:00": None,
    "2020-12-28 00:00:00": None,
    "2016-12-31 23:59:60": "sold_at: not a time",
    "2025-06-15 24:00:00": "sold_at: not a time",
}


def test_fault_87_leap_days_and_ends_of_months_and_years_land_on_their_own_date(
    landing: Landing, sales: Sales
) -> None:
    lines = [f"a,{n},1.00,EUR,{at}," for n, at in enumerate(CALENDAR, 1)]
    landed = landing.land(sales(max_lateness_days=None), {"2025-12-31": csv_of(*lines)})
    bad = {n: rule for n, rule in enumerate(CALENDAR.values(), 1) if rule}
    assert reasons(landed) == bad
    good = [at for at, rule in CALENDAR.items() if not rule]
    assert [(str(row["sold_at"]), row["_business_date"]) for row in landed.raw()] == [
        (at, at[:10]) for at in good
    ]


def test_fault_87_lateness_is_counted_in_days_over_29_february(
    landing: Landing, sales: Sales
) -> None:
    late = "sold_at: later than 2 days"
    text = csv_of("a,1,1.00,EUR,2024-02-28 12:00:00,", "a,2,1.00,EUR,2023-02-27 12:00:00,")
    landed = landing.land(
        sales(max_lateness_days=2), {day: text for day in ("2024-03-01", "2024-03-02")}
    )
    assert [(row["dt"], row["_row_number"], row["_reason"]) for row in landed.quarantine()] == [
        ("2024-03-01", 2, late),
        ("2024-03-02", 1, late),
        ("2024-03-02", 2, late),
    ]


# What is written as the time of a sale and as the day of it, and the rule that it breaks.
IMPOSSIBLE = {
    "0001-01-01 00:00:00": "not between 1900 and 2100",
    "1582-10-10 00:00:00": "not between 1900 and 2100",
    "1899-12-31 23:59:59": "not between 1900 and 2100",
    "2101-01-01 00:00:00": "not between 1900 and 2100",
    "9999-12-31 23:59:59": "not between 1900 and 2100",
    "2026-02-30 10:00:00": "not a time",
    "2026-13-01 10:00:00": "not a time",
    "1773133200": "not a time",
    "1773133200000": "not a time",
    "20260310": "not a time",
    "2026-W11-2": "not a time",
    "+12026-03-10 10:00:00": "not a time",
}
# Epochs in seconds and in milliseconds look alike: the contract has to say which one it is.
OF_A_DAY = {
    "0001-01-01": "not between 1900 and 2100",
    "1582-10-10": "not between 1900 and 2100",
    "9999-12-31": "not between 1900 and 2100",
    "2026-02-30": "not a date",
    "1773133200": "not a date",
    "2026": "not a date",
}


def test_fault_88_dates_that_no_business_has_are_bad_and_the_others_are_not_rebased(
    landing: Landing, sales: Sales
) -> None:
    columns = {"id": "string", "sold_at": "timestamp", "day": "date"}
    contract = sales(columns=columns, keys=["id"], money=None, max_lateness_days=None, meta={})
    rows = [f"t{n},{at},2026-03-10" for n, at in enumerate(IMPOSSIBLE)]
    rows += [f"d{n},2026-03-10 09:00:00,{day}" for n, day in enumerate(OF_A_DAY)]
    edges = [("1900-01-01 00:00:00", "1900-01-01"), ("2026-03-10 23:59:59", "2100-12-31")]
    rows += [f"e{n},{at},{day}" for n, (at, day) in enumerate(edges)]
    landed = landing.land(
        contract,
        {"2026-03-10": csv_of(*rows, header="id,sold_at,day")},
    )
    expected = [f"sold_at: {rule}" for rule in IMPOSSIBLE.values()]
    expected += [f"day: {rule}" for rule in OF_A_DAY.values()]
    assert reasons(landed) == dict(enumerate(expected, 1))
    # As the file says to any other reader, too.
    (file,) = (landed.root / contract.feed.raw).rglob("*.parquet")
    stored = pq.read_table(file, columns=["sold_at", "day"]).to_pylist()
    assert [(f"{row['sold_at']:%F %T}", str(row["day"])) for row in stored] == edges


def test_fault_89_an_event_in_the_future_is_bad_beyond_the_day_that_zones_differ(
    landing: Landing, sales: Sales
) -> None:
    times = ["2026-03-11 23:59:59", "2026-03-12 00:00:00", "2030-01-01 00:00:00"]
    lines = [f"a,{n},1.00,EUR,{at}," for n, at in enumerate(times, 1)]
    landed = landing.land(sales(), {"2026-03-10": csv_of(*lines)})
    assert reasons(landed) == {2: "sold_at: in the future", 3: "sold_at: in the future"}
    assert [row["_business_date"] for row in landed.raw()] == ["2026-03-11"]


def reasons(landed: Landed) -> dict[int, str]:
    return {row["_row_number"]: row["_reason"] for row in landed.quarantine()}
