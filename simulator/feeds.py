"""The files of a day as each feed writes them."""

import csv
import datetime as dt
import gzip
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from decimal import Decimal

from simulator import world
from simulator.world import CURRENCIES, Change, Order, Stream

PRODUCTS = "product_id,product_name,brand,department,category,list_price,currency"
ORDERS = "order_id,customer_id,channel,status,currency,ordered_at,updated_at"
ITEMS = (
    "order_id,line_number,product_id,quantity,unit_price,shop_discount,brand_discount,"
    "currency,ordered_at"
)
# All that the European Central Bank has ever quoted; the shop needs three of them.
RATES = (
    "Date,USD,JPY,BGN,CYP,CZK,DKK,EEK,GBP,HUF,LTL,LVL,MTL,PLN,ROL,RON,SEK,SIT,SKK,CHF,ISK,NOK,HRK,"
    "RUB,TRL,TRY,AUD,BRL,CAD,CNY,HKD,IDR,ILS,INR,KRW,MXN,MYR,NZD,PHP,SGD,THB,ZAR,"
)
Row = Sequence[object]


def products(seed: int, day: dt.date) -> bytes:
    """The whole catalogue of the day."""
    listed = world.catalogue(seed, day)
    return table(PRODUCTS, ((*astuple(p)[:-1], major(p.price, "EUR"), "EUR") for p in listed))


def customers(seed: int, day: dt.date) -> bytes:
    """The day's part of the customers' log, as a replication tool writes it: not in its order."""
    lines = [_change(change) for change in world.customer_changes(seed, day)]
    world.chance(seed, day.toordinal(), Stream.CUSTOMERS).shuffle(lines)
    return "".join(f"{line}\n" for line in lines).encode()


def orders(seed: int, day: dt.date, *, first: bool) -> bytes:
    """Orders of the day and, unless it is the first, cancellations of those of the day before."""
    rows = [_order(order, "paid", order.ordered_at) for order in world.orders(seed, day)]
    if not first:
        at = dt.datetime.combine(day, dt.time(9))
        yesterday = world.orders(seed, day - dt.timedelta(days=1))
        rows += [_order(order, "cancelled", at) for order in yesterday if order.is_cancelled]
    return table(ORDERS, rows)


def item_rows(seed: int, day: dt.date) -> list[Row]:
    """Items of the orders of the day."""
    return [
        (
            order.order_id,
            item.line_number,
            item.product_id,
            item.quantity,
            major(item.unit_price, order.currency),
            major(item.shop_discount, order.currency),
            major(item.brand_discount, order.currency),
            order.currency,
            order.ordered_at,
        )
        for order in world.orders(seed, day)
        for item in order.items
    ]


def rates(seed: int, first: dt.date, last: dt.date) -> bytes:
    """Rates since `first`, newest first, each line closed by a comma, as the ECB sends them."""
    rows = []
    for back in range((last - first).days + 1):
        day = last - dt.timedelta(days=back)
        if found := world.rates(seed, day):
            rows.append([day, *(found.get(code, "N/A") for code in RATES.split(",")[1:-1]), ""])
    return gzip.compress(table(RATES, rows), mtime=0)


def table(header: str, rows: Iterable[Row]) -> bytes:
    """Rows as CSV under a header."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header.split(","), *rows])
    return text.getvalue().encode()


def major(minor: int, currency: str) -> str:
    """An amount as the shop writes it: 12.50 euros, 1250 yen."""
    digits = CURRENCIES[currency][1]
    return f"{Decimal(minor).scaleb(-digits):.{digits}f}"


def _change(change: Change) -> str:
    after = {
        "name": change.name,
        "email": change.email,
        "phone": change.phone,
        "country": change.country,
        "segment": change.segment,
    }
    written = {
        "position": change.position,
        "operation": change.operation,
        "key": {"customer": change.customer_id},
        "after": None if change.operation == "D" else after,
        "changed_at": f"{change.changed_at.isoformat()}Z",
    }
    return json.dumps(written, ensure_ascii=False)


def _order(order: Order, status: str, updated_at: dt.datetime) -> Row:
    who = (order.order_id, order.customer_id, order.channel)
    return (*who, status, order.currency, order.ordered_at, updated_at)
