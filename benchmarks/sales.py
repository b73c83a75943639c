"""Deliveries of a shop with as many order lines a day as wanted; the same for the same day."""

import datetime as dt
from pathlib import Path

import duckdb

from simulator import feeds, world

SEED = 7
FIRST = dt.date(2026, 3, 2)
SYSTEMS = ("ecb_fx", "shop")
# Lines of every six orders.
_LINES = (1, 1, 2, 2, 3, 4)
_CURRENCIES = ("EUR", "EUR", "EUR", "EUR", "EUR", "GBP", "JPY", "USD", "USD")
# A cubed number from 0 to 1 chooses the product: the first of them sells a hundred times the last.
_ORDERS = """
    create or replace temp table orders as
    select
        o,
        cast(hash(o, '{day}') >> 1 as bigint) as h,
        strftime(date '{day}', '%Y%m%d') || '-' || lpad(cast(o as varchar), 8, '0') as order_id,
        {currencies}[1 + h % {count}] as currency,
        cast('{day}' as timestamp) + to_seconds(cast(o * 86399 // {orders} as bigint)) as ordered_at
    from range({orders}) as numbers(o)
"""
_ORDER_ROWS = """
    select
        order_id,
        'C' || lpad(cast(h % 100000 as varchar), 5, '0') as customer_id,
        if(h % 2 = 0, 'web', 'app') as channel,
        'paid' as status,
        currency, ordered_at, ordered_at as updated_at
    from orders
"""
_ITEM_ROWS = """
    select
        order_id,
        line_number,
        product_id,
        1 + hash(h, line_number, 'quantity') % 3 as quantity,
        if(currency = 'JPY', cast(price as varchar), cast(price / 100 as decimal(18, 2))::varchar)
            as unit_price,
        if(currency = 'JPY', '0', '0.00') as shop_discount,
        if(currency = 'JPY', '0', '0.00') as brand_discount,
        currency, ordered_at
    from (
        select
            *, unnest(range(1, 1 + {lines}[1 + h % {kinds}])) as line_number,
            {products}[1 + cast(floor({known} * power(hash(h, line_number) % 10007 / 10007, 3))
                as bigint)] as product_id,
            200 + cast(hash(h, line_number, 'price') >> 1 as bigint) % 6000 as price
        from orders
    )
"""


def deliver(landing: Path, day: dt.date, lines: int) -> int:
    """Write one day's deliveries of about `lines` order lines; returns how many they have."""
    known = [product.product_id for product in world.catalogue(SEED, day)]
    database = duckdb.connect()
    database.execute(
        _ORDERS.format(
            day=day,
            currencies=list(_CURRENCIES),
            count=len(_CURRENCIES),
            orders=max(1, lines * len(_LINES) // sum(_LINES)),
        )
    )
    items = _ITEM_ROWS.format(
        lines=list(_LINES), kinds=len(_LINES), products=known, known=len(known)
    )
    written = 0
    for name, query in (("orders", _ORDER_ROWS), ("order_items", items)):
        target = _folder(landing, f"shop/{name}", day) / f"{name}.csv"
        row = database.execute(f"copy ({query}) to '{target}' (header, delimiter ',')").fetchone()
        written = row[0] if row else 0
    small = {
        "shop/products": ("products.csv", feeds.products(SEED, day)),
        "shop/customers": ("customers.jsonl", feeds.customers(SEED, day)),
        "ecb_fx/rates": ("eurofxref-hist.csv.gz", feeds.rates(SEED, FIRST - dt.timedelta(3), day)),
    }
    for feed, (name, content) in small.items():
        (_folder(landing, feed, day) / name).write_bytes(content)
    for feed in (*small, "shop/orders", "shop/order_items"):
        (_folder(landing, feed, day) / "_DONE").touch()
    return int(written)


def _folder(landing: Path, feed: str, day: dt.date) -> Path:
    folder = landing / feed / f"dt={day}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
