"""What the marts must show once all deliveries are corrected and all that is late has come."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
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


def expected(
    first_day: dt.date, days: int, seed: int, *, withdrawn: Mapping[dt.date, int] | None = None
) -> dict[tuple[str, str], Truth]:
    """The truth by date and currency; cancellations of the last day are not delivered yet.

    `withdrawn`: how many of the last order lines of a day a correction took back.
    """
    found: dict[tuple[str, str], Truth] = defaultdict(Truth)
    for n in range(days):
        day = first_day + dt.timedelta(days=n)
        lines = [(order, item) for order in world.orders(seed, day) for item in order.items]
        for order, item in lines[: len(lines) - (withdrawn or {}).get(day, 0)]:
            truth = found[day.isoformat(), order.currency]
            truth.lines += 1
            truth.sales += item.sales
            truth.shop_discount += item.shop_discount
            truth.brand_discount += item.brand_discount
            if order.is_cancelled and n < days - 1:
                truth.cancelled_lines += 1
                truth.cancelled_sales += item.sales
    return dict(sorted(found.items()))
