"""The schedule of deliveries, and what is planted in it: late, corrupt and repeated rows."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from simulator import feeds, world
from simulator.feeds import Row
from simulator.world import Stream

ITEMS = "shop.order_items"
# The last rate before a Monday is Friday's.
RATES_SINCE = dt.timedelta(days=3)
DAY = dt.timedelta(days=1)
LATE = 0.05
ONE_REPEATED_IN = 200
BROKEN = 0.08


@dataclass(frozen=True)
class Defects:
    """What goes wrong with the items of a day, counted from 0; None plants nothing.

    `late`: a part of them comes with the delivery of the day after. `corrupt`: more lines are
    broken than the contract allows. `held`: they come only with `write_correction`.
    """

    late: int | None = 1
    corrupt: int | None = 3
    held: int | None = None
    repeated: bool = True


@dataclass(frozen=True)
class Planted:
    """`rows` rows of business date `business_date` in delivery `dt` of `feed` are `kind`."""

    kind: str
    dt: str
    business_date: str
    rows: int
    feed: str = ITEMS


def write_deliveries(
    root: Path, first_day: dt.date, days: int, seed: int, *, defects: Defects | None = None
) -> list[Planted]:
    """Write complete deliveries of `days` days under the landing root; returns what is planted."""
    defects, planted = defects or Defects(), list[Planted]()
    for n in range(days):
        day = first_day + n * DAY
        _deliver(root, "shop.products", day, {"products.csv": feeds.products(seed, day)})
        _deliver(root, "shop.customers", day, {"customers.jsonl": feeds.customers(seed, day)})
        orders = feeds.orders(seed, day, first=n == 0)
        _deliver(root, "shop.orders", day, {"orders.csv": orders})
        rates = feeds.rates(seed, first_day - RATES_SINCE, day)
        _deliver(root, "ecb_fx.rates", day, {"eurofxref-hist.csv.gz": rates})
        files = _items(seed, day, n, defects, planted)
        if n != defects.held:
            _deliver(root, ITEMS, day, files)
    return planted


def write_correction(root: Path, day: dt.date, seed: int, *, withdrawn: int = 0) -> None:
    """Deliver the items of a day again, less the last `withdrawn`: same name, new content."""
    rows = feeds.item_rows(seed, day)
    content = feeds.table(feeds.ITEMS, rows[: len(rows) - withdrawn])
    _deliver(root, ITEMS, day, {"order_items.csv": content})


def write_corrupt(root: Path, day: dt.date, seed: int) -> None:
    """Deliver the items of a day again, with more broken lines than the contract allows."""
    content, _ = _corrupt(seed, day, feeds.table(feeds.ITEMS, feeds.item_rows(seed, day)))
    _deliver(root, ITEMS, day, {"order_items.csv": content})


def _items(
    seed: int, day: dt.date, n: int, defects: Defects, planted: list[Planted]
) -> dict[str, bytes]:
    def plant(kind: str, business_date: dt.date, rows: int) -> None:
        planted.append(Planted(kind, day.isoformat(), business_date.isoformat(), rows))

    rows = feeds.item_rows(seed, day)
    if n == defects.held:
        plant("held", day, len(rows))
        return {}
    if n == defects.late:
        rows = [row for row in rows if row not in _late(seed, day)]
    if defects.repeated:
        repeated = rows[::ONE_REPEATED_IN]
        rows += repeated
        plant("repeated", day, len(repeated))
    files = {"order_items.csv": feeds.table(feeds.ITEMS, rows)}
    if n == defects.corrupt:
        files["order_items.csv"], broken = _corrupt(seed, day, files["order_items.csv"])
        plant("corrupt", day, broken)
    if defects.late is not None and n == defects.late + 1:
        late = _late(seed, day - DAY)
        files["order_items_late.csv"] = feeds.table(feeds.ITEMS, late)
        plant("late", day - DAY, len(late))
    return files


def _late(seed: int, day: dt.date) -> list[Row]:
    rng = world.chance(seed, day.toordinal(), Stream.DEFECTS)
    return [row for row in feeds.item_rows(seed, day) if rng.random() < LATE]


def _corrupt(seed: int, day: dt.date, content: bytes) -> tuple[bytes, int]:
    """Cut lines off in the middle, as a transfer that lost packets would."""
    rng = world.chance(seed, day.toordinal(), Stream.DEFECTS)
    header, *lines = content.decode().splitlines()
    broken = [line[: len(line) // 2] if rng.random() < BROKEN else line for line in lines]
    count = sum(a != b for a, b in zip(lines, broken, strict=True))
    return "\n".join([header, *broken, ""]).encode(), count


def _deliver(root: Path, feed: str, day: dt.date, files: dict[str, bytes]) -> None:
    folder = root.joinpath(*feed.split(".")) / f"dt={day}"
    folder.mkdir(parents=True, exist_ok=True)
    # Without its marker a delivery that is being replaced is nobody's to read.
    (folder / "_DONE").unlink(missing_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "_DONE").touch()
