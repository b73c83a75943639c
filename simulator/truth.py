"""What the marts must show once all deliveries are corrected and all that is late has come."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from simulator import world


@dataclass
class Truth:
    """Lines and minor units of a day and currency, and what of them was cancelled since."""

    lines: int = 0
    sales: int = 0
    shop_discount: int = 0
    brand_discount: int = 0
    cancelled_lines: int = 0
    cancelled_sales: int = 0


def expected(first_day: dt.date, days: int, seed: int) -> dict[tuple[str, str], Truth]:
    """The truth by date and currency; cancellations of the last day are not delivered yet."""
    found: dict[tuple[str, str], Truth] = defaultdict(Truth)
    for n in range(days):
        day = first_day + dt.timedelta(days=n)
        for order in world.orders(seed, day):
            truth = found[day.isoformat(), order.currency]
            truth.lines += len(order.items)
            truth.sales += sum(item.sales for item in order.items)
            truth.shop_discount += sum(item.shop_discount for item in order.items)
            truth.brand_discount += sum(item.brand_discount for item in order.items)
            if order.is_cancelled and n < days - 1:
                truth.cancelled_lines += len(order.items)
                truth.cancelled_sales += sum(item.sales for item in order.items)
    return dict(sorted(found.items()))
