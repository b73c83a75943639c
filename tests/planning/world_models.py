"""Models of a small shop in plain Python, one of each shape and kind of edge.

Each function is what a model's SQL would be: it sees the branch's relations as they are, rows of
other dates included, and restricts itself to its run dates.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from planning.world_feeds import Delivery, Feed, Row, Rows

from countinghouse.names import OPEN, WHOLE, dates_between, month_of, plus_days
from countinghouse.planning.model_graph import Edge, Graph, Model, Reads, Shape
from countinghouse.planning.pinning import RunDate

Relation = Mapping[str, Sequence[Row]]
Read = Callable[[str], Relation]
Runs = Sequence[RunDate]
Written = Iterator[tuple[str, Row]]
# The model's code in a test: a number that its rows show.
Compute = Callable[[Read, Runs, int], Written]

ORDERS = "raw.shop__orders"  # event: (business date, product, amount)
PRODUCTS = "raw.shop__products"  # full snapshot: (product, price)
REGIONS = "raw.shop__regions"  # full snapshot: (product, region)
RATES = "raw.ecb__rates"  # cumulative: (business date, currency, rate)
REPORTS = "raw.ads__reports"  # restated report: (business date, campaign, clicks)
SHIPMENTS = "raw.shop__shipments"  # event whose keys move: (business date, parcel, weight)
CUSTOMERS = "raw.shop__customers"  # change log without gaps: (business date, position, name)
RESTATES_DAYS = MOVES_DAYS = 2


def stg_orders(read: Read, runs: Runs, code: int) -> Written:
    """One row per product and business date: the one delivered last."""
    days = {day for day, *_ in runs}
    newest = {}
    for _, rows in sorted(read(ORDERS).items()):
        newest.update({(day, product): amount for day, product, amount in rows if day in days})
    for (day, product), amount in newest.items():
        yield day, (product, amount + code)


def stg_rates(read: Read, runs: Runs, code: int) -> Written:
    days = {day for day, *_ in runs}
    for day, currency, rate in chain(*read(RATES).values()):
        if day in days:
            yield day, (currency, rate + code)


def stg_reports(read: Read, runs: Runs, code: int) -> Written:
    """As the newest delivery states the day."""
    for day, _, stated_by in runs:
        for stated, campaign, clicks in read(REPORTS)[stated_by] if stated_by else ():
            if stated == day:
                yield day, (campaign, clicks + code)


def stg_shipments(read: Read, runs: Runs, code: int) -> Written:
    """One row per parcel: it leaves a date when a later delivery gives it another."""
    for day, *_ in runs:
        newest: dict[str, Row] = {}
        for dt, rows in sorted(read(SHIPMENTS).items()):
            if plus_days(day, -1) <= dt <= plus_days(day, MOVES_DAYS):
                newest.update({parcel: (shipped, weight) for shipped, parcel, weight in rows})
        for parcel, (shipped, weight) in newest.items():
            if shipped == day:
                yield day, (parcel, weight + code)


def stg_customers(read: Read, runs: Runs, code: int) -> Written:
    days = {day for day, *_ in runs}
    for day, position, name in chain(*read(CUSTOMERS).values()):
        if day in days:
            yield day, (position, name, code)


def stg_products(read: Read, runs: Runs, code: int) -> Written:
    """Changes of each snapshot against the one delivered before it."""
    listed = read(PRODUCTS)
    for day, previous, _ in runs:
        before: dict[str, int] = dict(listed.get(previous or "", ()))
        now: dict[str, int] = dict(listed.get(day, ()))
        for product in sorted(before.keys() | now.keys()):
            if product not in now:
                yield day, (product, "delete", before[product] + code)
            elif before.get(product) != now[product]:
                yield day, (product, "upsert", now[product] + code)


def stg_regions(read: Read, runs: Runs, code: int) -> Written:
    for product, region in chain(*read(REGIONS).values()):
        yield WHOLE, (product, region + code)


def stg_order_log(read: Read, runs: Runs, code: int) -> Written:
    for delivered, rows in read(ORDERS).items():
        for row in rows:
            yield WHOLE, (delivered, *row, code)


def int_products_seen(read: Read, runs: Runs, code: int) -> Written:
    for day, *_ in runs:
        yield from ((day, (product, code)) for product, _ in read("staging.stg_orders")[day])


class Interval(NamedTuple):
    product: str
    valid_from: str
    valid_to: str
    inferred: bool
    deleted: bool
    price: int
    code: int


def dim_products(read: Read, runs: Runs, code: int) -> Written:
    """Folds changes and sightings into what was published before."""
    changes = _of_runs(read("staging.stg_products"), runs)
    seen = _of_runs(read("intermediate.int_products_seen"), runs)
    previous = [Interval(*row) for row in chain(*read("marts.dim_products__previous").values())]
    known = {i.product for i in previous if i.valid_to == OPEN}
    first_change = _first(changes)
    states = [*previous]
    for day, (product, operation, price) in changes:
        states.append(Interval(product, day, OPEN, False, operation == "delete", price, code))
    for product, day in _first(seen).items():
        if product not in known and first_change.get(product, OPEN) > day:
            states.append(Interval(product, day, OPEN, True, False, 0, code))
    yield from _cut(states)


def dim_priced_regions(read: Read, runs: Runs, code: int) -> Written:
    """A dimension with history that also reads a table without partitions, as it is now."""
    regions: dict[str, int] = dict(chain(*read("staging.stg_regions").values()))
    previous = [Interval(*r) for r in chain(*read("marts.dim_priced_regions__previous").values())]
    states = [*previous]
    for day, (product, operation, price) in _of_runs(read("staging.stg_products"), runs):
        price += 10 * regions.get(product, 0)
        states.append(Interval(product, day, OPEN, False, operation == "delete", price, code))
    yield from _cut(states)


def _of_runs(relation: Relation, runs: Runs) -> list[tuple[str, Row]]:
    return [(day, row) for day, *_ in runs for row in relation.get(day, ())]


def _first(rows: Sequence[tuple[str, Row]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for day, (product, *_) in sorted(rows):
        found.setdefault(product, day)
    return found


def _cut(states: Sequence[Interval]) -> Written:
    of_product = defaultdict(list)
    for state in sorted(states):
        of_product[state.product].append(state)
    for intervals in of_product.values():
        ends = [i.valid_from for i in intervals[1:]] + [OPEN]
        for interval, end in zip(intervals, ends, strict=True):
            until = min(interval.valid_to, end)
            yield (
                OPEN if until == OPEN else month_of(until),
                tuple(interval._replace(valid_to=until)),
            )


def fct_orders(read: Read, runs: Runs, code: int) -> Written:
    """Each order with the price of its day and the region of now."""
    regions: dict[str, int] = dict(chain(*read("staging.stg_regions").values()))
    prices = [Interval(*row) for row in chain(*read("marts.dim_products").values())]
    for day, *_ in runs:
        valid = {
            i.product: (i.price, i.valid_from, i.code)
            for i in prices
            if i.valid_from <= day < i.valid_to and not i.inferred
        }
        for product, amount in read("staging.stg_orders").get(day, ()):
            yield day, (product, amount, valid.get(product), regions.get(product), code)


def fct_priced_orders(read: Read, runs: Runs, code: int) -> Written:
    """Each order with a price that also depends on the region of now."""
    prices = [Interval(*row) for row in chain(*read("marts.dim_priced_regions").values())]
    for day, *_ in runs:
        valid = {i.product: i.price for i in prices if i.valid_from <= day < i.valid_to}
        for product, amount in read("staging.stg_orders").get(day, ()):
            yield day, (product, amount, valid.get(product), code)


def rpt_daily(read: Read, runs: Runs, code: int) -> Written:
    for day, *_ in runs:
        lines = read("marts.fct_orders").get(day, ())
        if lines:
            yield day, (sum(amount for _, amount, *_ in lines), _priced(lines), code)


def _priced(lines: Sequence[Row]) -> int:
    return sum(price[0] + price[2] for _, _, price, *_ in lines if price)


def rpt_trailing_7d(read: Read, runs: Runs, code: int) -> Written:
    for day, *_ in runs:
        rows = _window(read("marts.rpt_daily"), day, 6)
        if rows:
            yield day, (sum(row[0] for _, row in rows), sum(row[1] for _, row in rows), code)


def fct_rates(read: Read, runs: Runs, code: int) -> Written:
    """A rate for every day: the last one of at most five days ago."""
    for day, *_ in runs:
        newest = {
            row[0]: (*row, found) for found, row in _window(read("staging.stg_rates"), day, 5)
        }
        yield from ((day, (*row, code)) for row in newest.values())


def _window(relation: Relation, day: str, days: int) -> list[tuple[str, Row]]:
    window = dates_between(plus_days(day, -days), day)
    return [(found, row) for found in window for row in relation.get(found, ())]


def rpt_converted(read: Read, runs: Runs, code: int) -> Written:
    for day, *_ in runs:
        for total, *_ in read("marts.rpt_daily").get(day, ()):
            rates = sorted(row[:2] for row in read("marts.fct_rates").get(day, ()))
            yield day, (total, tuple(rates), code)


def rpt_totals(read: Read, runs: Runs, code: int) -> Written:
    totals = [row[0] for row in chain(*read("marts.rpt_daily").values())]
    versions = [row[:3] for row in chain(*read("marts.dim_products").values())]
    if totals or versions:
        yield WHOLE, (sum(totals), len(totals), tuple(sorted(versions)), code)


_MODELS: tuple[tuple[str, Shape, Compute, tuple[tuple[str, Reads, int], ...]], ...] = (
    ("staging.stg_orders", Shape.DAILY, stg_orders, ((ORDERS, Reads.SLICES, 0),)),
    ("staging.stg_rates", Shape.DAILY, stg_rates, ((RATES, Reads.SLICES, 0),)),
    ("staging.stg_reports", Shape.DAILY, stg_reports, ((REPORTS, Reads.RESTATED, 0),)),
    (
        "staging.stg_shipments",
        Shape.DAILY,
        stg_shipments,
        ((SHIPMENTS, Reads.MOVING, MOVES_DAYS),),
    ),
    ("staging.stg_customers", Shape.DAILY, stg_customers, ((CUSTOMERS, Reads.SLICES, 0),)),
    ("staging.stg_products", Shape.DAILY, stg_products, ((PRODUCTS, Reads.CHANGES, 0),)),
    ("staging.stg_regions", Shape.WHOLE, stg_regions, ((REGIONS, Reads.LATEST, 0),)),
    ("staging.stg_order_log", Shape.WHOLE, stg_order_log, ((ORDERS, Reads.WHOLE, 0),)),
    (
        "intermediate.int_products_seen",
        Shape.DAILY,
        int_products_seen,
        (("staging.stg_orders", Reads.SAME, 0),),
    ),
    (
        "marts.dim_products",
        Shape.HISTORY,
        dim_products,
        (
            ("staging.stg_products", Reads.SAME, 0),
            ("intermediate.int_products_seen", Reads.SAME, 0),
        ),
    ),
    (
        "marts.dim_priced_regions",
        Shape.HISTORY,
        dim_priced_regions,
        (("staging.stg_products", Reads.SAME, 0), ("staging.stg_regions", Reads.WHOLE, 0)),
    ),
    (
        "marts.fct_orders",
        Shape.DAILY,
        fct_orders,
        (
            ("staging.stg_orders", Reads.SAME, 0),
            ("marts.dim_products", Reads.AS_OF, 0),
            ("staging.stg_regions", Reads.WHOLE, 0),
        ),
    ),
    (
        "marts.fct_priced_orders",
        Shape.DAILY,
        fct_priced_orders,
        (("staging.stg_orders", Reads.SAME, 0), ("marts.dim_priced_regions", Reads.AS_OF, 0)),
    ),
    ("marts.rpt_daily", Shape.DAILY, rpt_daily, (("marts.fct_orders", Reads.SAME, 0),)),
    (
        "marts.rpt_trailing_7d",
        Shape.DAILY,
        rpt_trailing_7d,
        (("marts.rpt_daily", Reads.WINDOW, 6),),
    ),
    ("marts.fct_rates", Shape.DAILY, fct_rates, (("staging.stg_rates", Reads.WINDOW, 5),)),
    (
        "marts.rpt_converted",
        Shape.DAILY,
        rpt_converted,
        (("marts.rpt_daily", Reads.SAME, 0), ("marts.fct_rates", Reads.SAME, 0)),
    ),
    (
        "marts.rpt_totals",
        Shape.WHOLE,
        rpt_totals,
        (("marts.rpt_daily", Reads.WHOLE, 0), ("marts.dim_products", Reads.WHOLE, 0)),
    ),
)

NAMES = tuple(name for name, *_ in _MODELS)
COMPUTE: Mapping[str, Compute] = {name: compute for name, _, compute, _ in _MODELS}


class Toys:
    """These models, and the feeds that they read."""

    feeds: Mapping[str, Feed] = {
        ORDERS: Feed("event"),
        PRODUCTS: Feed("full_snapshot"),
        REGIONS: Feed("full_snapshot"),
        RATES: Feed("cumulative"),
        REPORTS: Feed("restated_report", restates_days=RESTATES_DAYS),
        SHIPMENTS: Feed("event"),
        CUSTOMERS: Feed("change_log", position=1),
    }

    def graph(self, codes: Mapping[str, int], rebuild_from: Mapping[str, str]) -> Graph:
        return Graph(
            tuple(
                Model(
                    name=name,
                    folder="shop",
                    shape=shape,
                    edges=tuple(Edge(*edge) for edge in edges),
                    fingerprint=f"code {codes.get(name, 0)}",
                    rebuild_from=rebuild_from.get(name, ""),
                )
                for name, shape, _, edges in _MODELS
            )
        )

    def landed(self, feed: str, dt: str, sent: Mapping[int, Delivery]) -> tuple[Row, ...]:
        return tuple(sorted(chain(*(each.rows for each in sent.values()))))

    def content(self, table: str, rows: Rows) -> Rows:
        return rows

    def compute(
        self, model: Model, branch: Mapping[str, Relation], runs: Runs, code: int
    ) -> Written:
        return COMPUTE[model.name](branch.__getitem__, runs, code)


TOYS = Toys()
