"""A week of a tiny shop and of rates, then a day on which everything comes that should not.

`BASE` is what was delivered well, `FAULTY` what came then, `MENDED` the corrections: for each feed
and date the rows of its file. Rows are as the sources write them.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulator import feeds

MON, TUE, WED, THU, FRI, SAT = (f"2026-03-0{n}" for n in range(2, 8))
WEEK = (MON, TUE, WED, THU, FRI)
Row = Sequence[object]

# One product and one order whose names look the same and are written in two ways.
CAFE, CAFE_ELSEWHERE = "Caf\u00e9-1", " Cafe\u0301-1 "
ORDER, ORDER_ELSEWHERE = "\u00c7-2", "C\u0327-2"
NAME = 'say "hi",\n\tit\'s\r\nthree; \u05e2\u05d1\u05e8\u05d9\u05ea\u200f \U0001f600 e\u0301'
PRODUCTS: list[Row] = [
    (CAFE, NAME, "None", "NULL", "O'Neill's", "10.00", "EUR"),
    ("P2", "None", "'; drop table x; --", "FOOD", "null", "5.00", "EUR"),
    ("P3", "\\N", "\\", "FOOD", "N/A", "500", "JPY"),
]


@dataclass(frozen=True)
class File:
    """Header and rows of one delivery."""

    header: str
    rows: tuple[Row, ...]

    def write(self, folder: Path) -> None:
        """Deliver it, in place of what was delivered before."""
        folder.mkdir(parents=True, exist_ok=True)
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([self.header.split(","), *self.rows])
        (folder / "file.csv").write_bytes(text.getvalue().encode())
        (folder / "_DONE").touch()


Deliveries = Mapping[tuple[str, str], File]


def order(key: str, day: str, *, channel: str = "web", updated: str = "10:00:00") -> Row:
    """A paid order."""
    return (key, f"c{key}", channel, "paid", "EUR", f"{day} 09:00:00", f"{day} {updated}")


def item(key: str, line: int, day: str, product: str = "P2", **changes: object) -> Row:
    """One article, one piece of it for five euros unless said otherwise."""
    values = {"quantity": 1, "price": "5.00", "shop": "0.00", "brand": "0.00", "currency": "EUR"}
    return (key, line, product, *(values | changes).values(), f"{day} 09:00:00")


def orders(*rows: Row, header: str = feeds.ORDERS) -> File:
    """A delivery of orders."""
    return File(header, rows)


def items(*rows: Row, header: str = feeds.ITEMS) -> File:
    """A delivery of their items."""
    return File(header, rows)


def rates(quotes: Mapping[str, Mapping[str, object]], *, twice: Iterable[str] = ()) -> File:
    """The whole history of rates by day; the days of `twice` stand in it two times."""
    codes = feeds.RATES.split(",")[1:-1]
    days = [*quotes, *twice]
    rows = [(day, *(quotes[day].get(code, "N/A") for code in codes), "") for day in days]
    return File(feeds.RATES, tuple(rows))


QUOTES: dict[str, dict[str, object]] = {
    "2026-02-24": {"USD": "1.10", "CHF": "0.94"},
    MON: {"USD": "1.11", "GBP": "0.86"},
    TUE: {"USD": "1.12"},
    WED: {"USD": "1.13", "GBP": "0.87"},
    THU: {"USD": "1.14", "GBP": "0.87"},
    FRI: {"USD": "1.15", "GBP": "0.87"},
}
BAD_QUOTES = QUOTES | {THU: {"USD": "-1.14", "GBP": "0.87"}, SAT: {"USD": "0"}}
# Of Monday a rate that came late, which Tuesday lacks.
GOOD_QUOTES = QUOTES | {MON: {"USD": "1.11", "GBP": "0.80"}, SAT: {"USD": "1.16"}}

MONDAYS = items(item("A1", 1, MON, quantity=2), item("A1", 2, MON, quantity=0))
TWICE = item("A4", 1, THU)
BASE: Deliveries = {
    **{("shop.products", day): File(feeds.PRODUCTS, tuple(PRODUCTS)) for day in WEEK},
    ("ecb_fx.rates", FRI): rates(QUOTES),
    ("shop.orders", MON): orders(order("A1", MON)),
    ("shop.orders", TUE): orders(order(ORDER, TUE)),
    ("shop.orders", WED): orders(order("A3", WED)),
    ("shop.orders", THU): orders(order("A4", THU)),
    # Delivered later: one that is older, and one that is as old.
    ("shop.orders", FRI): orders(
        order("A5", FRI),
        order("A4", THU, channel="app", updated="09:30:00"),
        order("A3", WED, channel="app"),
    ),
    ("shop.order_items", MON): MONDAYS,
    ("shop.order_items", TUE): items(item(ORDER_ELSEWHERE, 1, TUE, CAFE_ELSEWHERE, price="10.00")),
    ("shop.order_items", WED): items(item("A3", 1, WED)),
    ("shop.order_items", THU): items(
        TWICE,
        TWICE,
        item("A4", 2, THU, "P3", quantity=3, price="500", shop="0", brand="0", currency="JPY"),
    ),
    ("shop.order_items", FRI): items(item("A5", 1, FRI)),
}
FAULTY: Deliveries = {
    # Monday's with a column that nobody has declared; Thursday's corrected; Friday's absurd.
    ("shop.order_items", MON): items(
        *((*row, "red") for row in MONDAYS.rows), header=f"{feeds.ITEMS},colour"
    ),
    ("shop.order_items", THU): items(
        TWICE,
        TWICE,
        item("A4", 2, THU, "P3", quantity=4, price="500", shop="0", brand="0", currency="JPY"),
    ),
    ("shop.order_items", FRI): items(item("A5", 1, FRI, shop="9.00")),
    ("shop.orders", FRI): orders(
        order("A5", FRI), header=feeds.ORDERS.replace("channel", "Channel")
    ),
    # Saturday's with an item of Wednesday, and with one of Tuesday once more; no catalogue.
    ("shop.orders", SAT): orders(order("A6", SAT)),
    ("shop.order_items", SAT): items(
        item("A6", 1, SAT),
        item("A3", 2, WED, price="7.00"),
        item(ORDER, 1, TUE, CAFE, price="10.00"),
    ),
    ("ecb_fx.rates", SAT): rates(BAD_QUOTES, twice=[WED]),
}
MENDED: Deliveries = {
    ("shop.order_items", FRI): items(item("A5", 1, FRI, shop="1.00")),
    ("shop.orders", FRI): BASE["shop.orders", FRI],
    ("shop.products", SAT): BASE["shop.products", FRI],
    ("ecb_fx.rates", SAT): rates(GOOD_QUOTES),
}


def write(root: Path, deliveries: Deliveries) -> None:
    """Put the files where their sources put them."""
    for (feed, day), file in deliveries.items():
        file.write(root.joinpath(*feed.split(".")) / f"dt={day}")
