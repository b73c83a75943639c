"""What happens in the shop on a day: its catalogue, its orders, the euro's rates."""

import datetime as dt
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import TypeVar

import numpy as np

ORDERS_PER_DAY = 300
# Units of currency for one euro, and digits of the minor unit.
CURRENCIES = {"EUR": (1.0, 2), "GBP": (0.85, 2), "JPY": (160.0, 0), "USD": (1.1, 2)}
# Most customers pay in euros.
PAID_IN = ("EUR",) * 5 + ("GBP", "JPY", "USD", "USD")
CATEGORIES = (
    *[("GROCERY", category) for category in ("TEA", "COFFEE", "RICE", "SPICES")],
    *[("HOUSEHOLD", category) for category in ("CANDLES", "TOWELS")],
    *[("TOYS", category) for category in ("BOARD GAMES", "PUZZLES")],
)
BRANDS = ("Alder", "Birch", "Cedar", "Own label")
EVERGREENS = 120
NOVELTY_DAYS = 45
CANCELLED = 0.03
CHANGES_PER_DAY = 40
CUSTOMERS = 400
DELETED = 0.1
FIRST_NAMES = ("Ada", "Bo", "Chloé", "Dmitri", "Eun", "Fatou", "Göran", "Hana")
LAST_NAMES = ("Iversen", "Jónsdóttir", "Kowalski", "Łukasz", "Mbeki", "Ng", "O'Neill", "Petrov")


T = TypeVar("T")


class Stream(IntEnum):
    """Independent sources of chance within a day."""

    PRODUCT = 1
    ORDERS = 2
    RATES = 3
    DEFECTS = 4
    CUSTOMERS = 5


@dataclass(frozen=True)
class Product:
    """An article as the catalogue of a day has it; the price is in euro cents."""

    product_id: str
    name: str
    brand: str
    department: str
    category: str
    price: int


@dataclass(frozen=True)
class Change:
    """A change in the log of customers; one that deletes has no attributes."""

    position: int
    customer_id: str
    operation: str
    name: str
    email: str
    phone: str
    country: str
    segment: str
    changed_at: dt.datetime


@dataclass(frozen=True)
class Item:
    """A line of an order, amounts in minor units of the order's currency."""

    line_number: int
    product_id: str
    quantity: int
    unit_price: int
    shop_discount: int
    brand_discount: int

    @property
    def sales(self) -> int:
        """What the shop receives, the brand's refund included."""
        return self.quantity * self.unit_price - self.shop_discount


@dataclass(frozen=True)
class Order:
    """A paid order; a cancelled one is cancelled on the day after."""

    order_id: str
    customer_id: str
    channel: str
    currency: str
    ordered_at: dt.datetime
    is_cancelled: bool
    items: tuple[Item, ...]


def chance(seed: int, number: int, stream: Stream) -> np.random.Generator:
    """The source of chance of one day or product; the same at every call."""
    return np.random.default_rng([seed, number, stream])


def catalogue(seed: int, day: dt.date) -> list[Product]:
    """Products on sale: evergreens, of which some pause, and one novelty a day for 45 days."""
    today = day.toordinal()
    evergreens = [n for n in range(EVERGREENS) if n % 30 or (today + n) % 20 >= 3]
    novelties = range(today - NOVELTY_DAYS, today + 1)
    return [_product(seed, number, today) for number in (*evergreens, *novelties)]


@functools.lru_cache(maxsize=64)
def orders(seed: int, day: dt.date) -> tuple[Order, ...]:
    """The orders of a day; a few sell tomorrow's novelty, which no catalogue lists yet."""
    rng = chance(seed, day.toordinal(), Stream.ORDERS)
    on_sale = [*catalogue(seed, day), _product(seed, day.toordinal() + 1, day.toordinal())]
    busy = ORDERS_PER_DAY * (1.3 if day.weekday() >= 5 else 1.0)
    return tuple(_order(rng, day, n, on_sale) for n in range(rng.poisson(busy)))


def customer_changes(seed: int, day: dt.date) -> list[Change]:
    """The part of the customers' log that a day writes: everybody changes every ten days."""
    first = day.toordinal() * CHANGES_PER_DAY
    return [_change(seed, first + n, day, n) for n in range(CHANGES_PER_DAY)]


def rates(seed: int, day: dt.date) -> dict[str, Decimal]:
    """Units of currency for one euro; empty at weekends."""
    if day.weekday() >= 5:
        return {}
    rng = chance(seed, day.toordinal(), Stream.RATES)
    season = 0.02 * math.sin(day.toordinal() / 29)
    return {
        currency: Decimal(f"{rate * math.exp(season + rng.normal(0, 0.002)):.4f}")
        for currency, (rate, _) in CURRENCIES.items()
        if currency != "EUR"
    }


@functools.lru_cache(maxsize=4096)
def _product(seed: int, number: int, today: int) -> Product:
    rng = chance(seed, number, Stream.PRODUCT)
    department, category = _one_of(rng, CATEGORIES)
    brand, base = _one_of(rng, BRANDS), int(rng.integers(200, 6000))
    # Each product has its own day on which a new price holds for four weeks.
    step = (today + int(rng.integers(28))) // 28
    price = base * (95 + step * 7 % 13) // 100
    name = f"{brand} {category.lower()} {number}"
    return Product(f"P{number:06d}", name, brand, department, category, price)


def _change(seed: int, position: int, day: dt.date, n: int) -> Change:
    # 37 and 400 have no divisor in common: each customer comes once in 400 positions.
    number = position * 37 % CUSTOMERS
    was_deleted = _deletes(seed, position - CUSTOMERS)
    deletes = _deletes(seed, position) and not was_deleted
    rng = chance(seed, position, Stream.CUSTOMERS)
    who = chance(seed, number, Stream.CUSTOMERS)
    name = f"{_one_of(who, FIRST_NAMES)} {_one_of(who, LAST_NAMES)}"
    return Change(
        position=position,
        customer_id=f"C{number:05d}",
        operation="D" if deletes else "I" if was_deleted else "U",
        name=name,
        email=f"customer{number}@example.com",
        phone=f"+44 7700 900{number:03d}",
        country=_one_of(who, ("DE", "FR", "GB", "JP", "US")),
        segment=_one_of(rng, ("new", "regular", "gold")),
        changed_at=dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=30 * n),
    )


def _deletes(seed: int, position: int) -> bool:
    return bool(chance(seed, position, Stream.CUSTOMERS).random() < DELETED)


def _order(rng: np.random.Generator, day: dt.date, n: int, on_sale: Sequence[Product]) -> Order:
    currency = _one_of(rng, PAID_IN)
    chosen = [_one_of(rng, on_sale) for _ in range(1 + rng.poisson(1.2))]
    return Order(
        order_id=f"{day:%Y%m%d}-{n:05d}",
        customer_id=f"C{rng.integers(5000):05d}",
        channel=_one_of(rng, ("web", "app")),
        currency=currency,
        ordered_at=dt.datetime.combine(day, dt.time()) + dt.timedelta(seconds=n * 200 % 86400),
        is_cancelled=bool(rng.random() < CANCELLED),
        items=tuple(_item(rng, i, p, currency) for i, p in enumerate(chosen, start=1)),
    )


def _item(rng: np.random.Generator, line: int, product: Product, currency: str) -> Item:
    rate, digits = CURRENCIES[currency]
    quantity = 1 + int(rng.poisson(0.4))
    price = max(1, round(product.price / 100 * rate * 10**digits))
    shop = quantity * price // 10 if rng.random() < 0.3 else 0
    brand = quantity * price // 20 if rng.random() < 0.15 else 0
    return Item(line, product.product_id, quantity, price, shop, brand)


def _one_of(rng: np.random.Generator, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]
