"""Small deliveries of the real feeds: few keys, so that they meet again and again.

Rows are texts in the order of the contract's columns, as a file has them.
"""

from collections.abc import Callable, Mapping, Sequence

from hypothesis import strategies as st

from countinghouse.names import dates_between, plus_days

# Two months: dimensions with history keep closed intervals by month.
DAYS = dates_between("2026-01-27", "2026-02-05")
Texts = tuple[str | None, ...]
Rows = Sequence[Texts]

_products = st.sampled_from("abc")
_customers = st.sampled_from(["k1", "k2"])
_few = st.integers(1, 2).map(str)
_amounts = st.sampled_from(["3.00", "4.50"])
_hours = st.integers(9, 10)
_CURRENCIES = 41


def _near(dt: str) -> st.SearchStrategy[str]:
    """The day itself more often than those before it, sometimes the next."""
    late = [plus_days(dt, -n) for n in (1, 2, 3)]
    return st.sampled_from([dt, dt, dt, *late, plus_days(dt, 1)])


def _at(day: str, hour: int) -> str:
    return f"{day} {hour:02}:00:00"


@st.composite
def orders(draw: st.DrawFn, dt: str) -> Rows:
    """Orders of the day or late, and newer versions of them."""

    def order() -> Texts:
        day = draw(_near(dt))
        who = (f"{day[5:]}/{draw(_few)}", draw(_customers), "web")
        state, at = draw(st.sampled_from(["paid", "cancelled"])), _at(day, 9)
        return (*who, state, "EUR", at, _at(max(day, dt), draw(_hours)))

    return [order() for _ in range(draw(st.integers(0, 4)))]


def every_order() -> Rows:
    """Each order that a line of `order_items` may name."""
    found = dates_between(plus_days(DAYS[0], -3), plus_days(DAYS[-1], 1))
    return tuple(
        (f"{day[5:]}/{n}", "k1", "web", "paid", "EUR", _at(day, 9), _at(day, 9))
        for day in found
        for n in (1, 2)
    )


@st.composite
def order_items(draw: st.DrawFn, dt: str) -> Rows:
    """Order lines of the day or late; one may come twice."""

    def item() -> Texts:
        day = draw(_near(dt))
        amounts = (draw(_few), draw(_amounts), "0.50", "0.00")
        key = (f"{day[5:]}/{draw(_few)}", "1")
        return (*key, draw(_products), *amounts, "EUR", _at(day, 9))

    rows = [item() for _ in range(draw(st.integers(0, 4)))]
    return rows + rows[: draw(st.integers(0, 1))]


@st.composite
def products(draw: st.DrawFn, dt: str) -> Rows:
    """A catalogue; what it leaves out is delisted."""
    listed = draw(st.dictionaries(_products, _amounts, max_size=3))
    departments = {"a": "TOYS", "b": "GROCERY", "c": draw(st.sampled_from(["TOYS", "GROCERY"]))}
    return [
        (product, f"Product {product}", "Own label", departments[product], "ANY", price, "EUR")
        for product, price in listed.items()
    ]


@st.composite
def customers(draw: st.DrawFn, dt: str) -> Rows:
    """Two positions of the log for each day; days that do not come leave a gap."""
    first = 2 * DAYS.index(dt) + 1

    def change(position: int) -> Texts:
        customer, deleted = draw(_customers), draw(st.sampled_from([False, False, True]))
        place = (customer, str(position), "D" if deleted else "U")
        segment = None if deleted else draw(st.sampled_from(["new", "gold"]))
        country = None if deleted else "DE"
        return (*place, None, None, None, country, segment, _at(dt, 9))

    kept = draw(st.sampled_from([(0, 1), (0, 1), (0, 1), (0,), (1,)]))
    return [change(first + n) for n in kept]


@st.composite
def rates(draw: st.DrawFn, dt: str) -> Rows:
    """All rates up to the day, some of them not as they were, and not for every day."""
    days = [plus_days(dt, -n) for n in range(4)]
    found = {day: draw(st.sampled_from(["1.1", "1.1", "1.1", "1.2", None])) for day in days}
    nothing = (None,) * (_CURRENCIES - 1)
    return [(day, rate, *nothing) for day, rate in found.items() if rate]


@st.composite
def ad_reports(draw: st.DrawFn, dt: str) -> Rows:
    """The day and those before it, stated anew; a day without rows is withdrawn."""

    def row(day: str, ad: str) -> Texts:
        return (day, ad, "account", draw(_few), "1", draw(_amounts))

    keys = st.tuples(st.sampled_from([dt, plus_days(dt, -1), plus_days(dt, -3)]), _products)
    return [row(*key) for key in draw(st.lists(keys, max_size=3, unique=True))]


@st.composite
def ad_accounts(draw: st.DrawFn, dt: str) -> Rows:
    return [("account", _at(dt, draw(_hours)), draw(st.sampled_from(["North", "South"])))]


FEEDS: Mapping[str, Callable[[str], st.SearchStrategy[Rows]]] = {
    "shop.orders": orders,
    "shop.order_items": order_items,
    "shop.products": products,
    "shop.customers": customers,
    "ecb_fx.rates": rates,
    "facebook_ads.basic_ad": ad_reports,
    "facebook_ads.account_history": ad_accounts,
}
# Feeds that send a day in up to two sequences.
IN_PARTS = {"shop.orders", "shop.order_items", "facebook_ads.basic_ad"}
