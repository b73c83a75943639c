"""The models' windows and months on the calendar: 29 February, ends of months and years."""

import pytest
from duck import Warehouse

from countinghouse.names import OPEN, dates_between

SALES = "source_system, department, currency, line_count, sales_value, dt"


@pytest.mark.parametrize(
    ("first", "last", "counted"),
    [
        ("2024-02-20", "2024-03-01", ("2024-02-24", "2024-03-01")),
        ("2024-02-20", "2024-03-06", ("2024-02-29", "2024-03-06")),
        ("2023-02-20", "2023-03-06", ("2023-02-28", "2023-03-06")),
        ("2020-12-20", "2021-01-03", ("2020-12-28", "2021-01-03")),
    ],
)
def test_fault_87_a_week_is_seven_days_over_leap_days_and_years(
    first: str, last: str, counted: tuple[str, str]
) -> None:
    warehouse = Warehouse()
    warehouse.empty("rpt_sales_daily")
    days = dates_between(first, last)
    rows = [("shop", "DELI", "EUR", 1, 2**n, day) for n, day in enumerate(days)]
    warehouse.fill(f"rpt_sales_daily ({SALES})", rows)
    warehouse.build("rpt_sales_trailing_7d", [(last, None)])
    # Powers of two: the sum says which days were counted.
    expected = sum(2 ** days.index(day) for day in dates_between(*counted))
    found = warehouse.rows("select sales_day_count, sales_value from rpt_sales_trailing_7d")
    assert found == [(7, expected)]


def test_fault_87_history_is_closed_in_the_month_of_its_end() -> None:
    warehouse = Warehouse()
    for model in ("int_product_changes", "int_products_seen", "dim_products"):
        warehouse.empty(model)
    warehouse.empty("dim_products", "dim_products__previous")
    days = ["2023-12-31", "2024-01-01", "2024-02-28", "2024-02-29", "2024-03-01"]
    names = "int_product_changes (source_system, product_id, product_name, operation, dt)"
    warehouse.fill(names, [("shop", "A", day, "upsert", day) for day in days])
    warehouse.build("dim_products", [(day, None) for day in days])
    found = warehouse.rows(
        "select cast(valid_from as varchar), cast(valid_to as varchar), dt from dim_products "
        "order by valid_from"
    )
    ends = [*days[1:], OPEN]
    months = ["2024-01-01", "2024-02-01", "2024-02-01", "2024-03-01", OPEN]
    assert found == list(zip(days, ends, months, strict=True))
