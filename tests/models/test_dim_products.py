"""The history of products, folded day by day in any steps, is the one folded at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from duck import Warehouse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countinghouse.names import OPEN, dates_between, month_of

DAYS = dates_between("2026-02-26", "2026-03-05")
KEYS = ("A", "B")
CHANGE = ["source_system", "product_id", "product_name", "operation", "dt"]
SHOWN = "product_id, product_name, is_inferred, is_deleted, is_current, "
SHOWN += "cast(valid_from as varchar), cast(valid_to as varchar), product_version_key, dt"
Row = tuple[object, ...]


@dataclass(frozen=True)
class Day:
    """A snapshot of names by product, None where none came, and the products sold."""

    listed: Mapping[str, str] | None
    sold: frozenset[str]


days = st.lists(
    st.builds(
        Day,
        st.none() | st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["tea", "rice"])),
        st.frozensets(st.sampled_from(KEYS)),
    ),
    min_size=len(DAYS),
    max_size=len(DAYS),
)
steps = st.sets(st.integers(1, len(DAYS) - 1)).map(lambda cuts: [0, *sorted(cuts), len(DAYS)])


@pytest.fixture(scope="module")
def warehouse() -> Warehouse:
    found = Warehouse()
    for model in ("int_product_changes", "int_products_seen", "dim_products"):
        found.empty(model)
    found.empty("dim_products", "dim_products__previous")
    return found


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=days, cuts=steps)
def test_any_steps_give_the_history_folded_at_once(
    warehouse: Warehouse, history: list[Day], cuts: list[int]
) -> None:
    _tell(warehouse, history)
    at_once = _fold(warehouse, DAYS, {})
    stepwise: dict[str, list[Row]] = {}
    for first, last in pairwise(cuts):
        stepwise = _fold(warehouse, DAYS[first:last], stepwise)

    assert stepwise == at_once


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=days)
def test_each_day_shows_the_products_as_last_listed(
    warehouse: Warehouse, history: list[Day]
) -> None:
    _tell(warehouse, history)
    rows = [row for partition in _fold(warehouse, DAYS, {}).values() for row in partition]

    for day, expected in zip(DAYS, _states(history), strict=True):
        holds = {str(r[0]): r[1:4] for r in rows if str(r[5]) <= day < str(r[6])}
        assert holds == expected


def _states(history: Iterable[Day]) -> Iterator[dict[str, Row]]:
    """By day and product: name, whether inferred, whether deleted."""
    now: dict[str, Row] = {}
    for day in history:
        for key in KEYS if day.listed is not None else ():
            if key in (day.listed or {}):
                now[key] = (day.listed or {})[key], False, False
            elif key in now and not now[key][1]:
                now[key] = now[key][0], False, True
        now |= {key: (None, True, False) for key in day.sold if key not in now}
        yield dict(now)


def _tell(warehouse: Warehouse, history: Sequence[Day]) -> None:
    """Fill the changes that the snapshots show, and the products sold."""
    for model in ("int_product_changes", "int_products_seen"):
        warehouse.empty(model)
    before: Mapping[str, str] = {}
    for dt, day in zip(DAYS, history, strict=True):
        sold = [("shop", key, dt) for key in sorted(day.sold)]
        warehouse.fill("int_products_seen", sold)
        if day.listed is None:
            continue
        new = set(day.listed.items()) - set(before.items())
        changed = [("shop", key, name, "upsert", dt) for key, name in sorted(new)]
        gone = sorted(before.keys() - day.listed.keys())
        changed += [("shop", key, before[key], "delete", dt) for key in gone]
        warehouse.fill(f"int_product_changes ({', '.join(CHANGE)})", changed)
        before = day.listed


def _fold(
    warehouse: Warehouse, dts: Sequence[str], published: Mapping[str, list[Row]]
) -> dict[str, list[Row]]:
    """Partitions after a run of the model over `dts`, as a plan would publish them."""
    written = {OPEN, *map(month_of, dts)}
    warehouse.database.execute("delete from dim_products__previous")
    if published:
        months = ", ".join(f"'{month}'" for month in written)
        warehouse.database.execute(
            f"insert into dim_products__previous from published where dt in ({months})"
        )
    warehouse.build("dim_products", ((dt, None) for dt in dts))
    found = warehouse.rows(f"select {SHOWN} from dim_products order by all")
    assert {str(row[-1]) for row in found} <= written
    kept = {dt: rows for dt, rows in published.items() if dt not in written}
    _publish(warehouse, kept)
    for row in found:
        kept.setdefault(str(row[-1]), []).append(row)
    return kept


def _publish(warehouse: Warehouse, kept: Iterable[str]) -> None:
    months = ", ".join(f"'{month}'" for month in (*kept, "none"))
    warehouse.database.execute("create table if not exists published as from dim_products limit 0")
    warehouse.database.execute(f"delete from published where dt not in ({months})")
    warehouse.database.execute("insert into published from dim_products")
