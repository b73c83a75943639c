"""The simulated shop: the same by seed, with the truth that it announces."""

import csv
import datetime as dt
import gzip
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from countinghouse.contracts import load_contracts
from simulator import Defects, expected, write_correction, write_deliveries

PROJECT = Path(__file__).resolve().parent.parent
FIRST = dt.date(2026, 3, 2)
NOTHING = Defects(late=None, corrupt=None, repeated=False)


def _files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def _items(root: Path, day: dt.date) -> list[dict[str, str]]:
    folder = root / "shop" / "order_items" / f"dt={day}"
    found = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="") as lines:
            found += list(csv.DictReader(lines))
    return found


def _sales(rows: list[dict[str, str]], currency: str) -> int:
    power = 1 if currency == "JPY" else 100
    return sum(
        int(row["quantity"]) * round(float(row["unit_price"]) * power)
        - round(float(row["shop_discount"]) * power)
        for row in rows
        if row["currency"] == currency
    )


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_deliveries(tmp_path / name, FIRST, 3, seed=7)
    write_deliveries(tmp_path / "c", FIRST, 3, seed=8)

    assert _files(tmp_path / "a") == _files(tmp_path / "b")
    assert _files(tmp_path / "a") != _files(tmp_path / "c")


def test_a_day_does_not_depend_on_the_days_before(tmp_path: Path) -> None:
    second = FIRST + dt.timedelta(days=1)
    write_deliveries(tmp_path / "a", FIRST, 2, seed=7, defects=NOTHING)
    write_deliveries(tmp_path / "b", second, 1, seed=7, defects=NOTHING)

    assert _items(tmp_path / "a", second) == _items(tmp_path / "b", second) != []


def test_the_truth_is_what_the_items_add_up_to(tmp_path: Path) -> None:
    write_deliveries(tmp_path, FIRST, 2, seed=7, defects=NOTHING)
    truth = expected(FIRST, 2, seed=7)

    assert {currency for _, currency in truth} == {"EUR", "GBP", "JPY", "USD"}
    for (day, currency), said in truth.items():
        rows = _items(tmp_path, dt.date.fromisoformat(day))
        assert sum(row["currency"] == currency for row in rows) == said.lines
        assert _sales(rows, currency) == said.sales


def test_late_rows_come_with_the_next_day_and_none_is_lost(tmp_path: Path) -> None:
    planted = write_deliveries(tmp_path, FIRST, 2, seed=7, defects=Defects(0, None, repeated=False))
    today, tomorrow = _items(tmp_path, FIRST), _items(tmp_path, FIRST + dt.timedelta(days=1))
    late = [row for row in tomorrow if row["ordered_at"] < "2026-03-03"]

    assert [(p.kind, p.rows) for p in planted] == [("late", len(late))]
    assert len(late) > 10
    lines = sum(t.lines for (day, _), t in expected(FIRST, 2, seed=7).items() if day == str(FIRST))
    assert len(today) + len(late) == lines


def test_repeated_rows_are_announced(tmp_path: Path) -> None:
    planted = write_deliveries(tmp_path, FIRST, 1, seed=7, defects=Defects(None, None))
    seen = Counter((row["order_id"], row["line_number"]) for row in _items(tmp_path, FIRST))

    assert [p.rows for p in planted] == [sum(count - 1 for count in seen.values())]
    assert planted[0].rows > 0


def test_a_corrupt_delivery_breaks_its_budget_and_its_correction_is_clean(tmp_path: Path) -> None:
    path = tmp_path / "shop" / "order_items" / f"dt={FIRST}" / "order_items.csv"
    planted = write_deliveries(
        tmp_path, FIRST, 1, seed=7, defects=Defects(None, corrupt=0, repeated=False)
    )
    header, *lines = path.read_text().splitlines()
    broken = [line for line in lines if line.count(",") < header.count(",")]
    contract = load_contracts(PROJECT)["shop.order_items"]
    assert len(broken) > contract.refuse_above * len(lines)
    assert planted[0].rows >= len(broken)

    write_correction(tmp_path, FIRST, seed=7)

    rows = _items(tmp_path, FIRST)
    assert len(rows) == len(lines)
    assert all(row["ordered_at"] for row in rows)


def test_held_items_come_only_with_the_correction(tmp_path: Path) -> None:
    write_deliveries(tmp_path, FIRST, 1, seed=7, defects=Defects(None, None, held=0))
    assert _items(tmp_path, FIRST) == []

    write_correction(tmp_path, FIRST, seed=7)
    assert _items(tmp_path, FIRST) != []


def test_a_product_is_sold_before_it_is_listed_and_another_is_delisted(tmp_path: Path) -> None:
    write_deliveries(tmp_path, FIRST, 2, seed=7, defects=NOTHING)
    listed = []
    for n in range(2):
        folder = tmp_path / "shop" / "products" / f"dt={FIRST + dt.timedelta(days=n)}"
        with (folder / "products.csv").open(newline="") as lines:
            listed.append({row["product_id"]: row for row in csv.DictReader(lines)})
    before, after = listed

    assert {row["product_id"] for row in _items(tmp_path, FIRST)} & (after.keys() - before.keys())
    assert before.keys() - after.keys()
    assert [key for key in before.keys() & after.keys() if before[key] != after[key]]


def test_rates_repeat_the_past_and_end_in_a_comma(tmp_path: Path) -> None:
    write_deliveries(tmp_path, FIRST, 2, seed=7, defects=NOTHING)
    texts = [
        gzip.decompress(path.read_bytes()).decode().splitlines()
        for path in sorted((tmp_path / "ecb_fx" / "rates").rglob("*.csv.gz"))
    ]

    assert texts[1][2:] == texts[0][1:]
    assert all(line.endswith(",") for text in texts for line in text)


def test_the_log_of_customers_has_no_gap_and_is_not_in_its_order(tmp_path: Path) -> None:
    write_deliveries(tmp_path, FIRST, 15, seed=7, defects=NOTHING)
    files = sorted((tmp_path / "shop" / "customers").rglob("*.jsonl"))
    changes = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    positions = [change["position"] for change in changes]
    assert sorted(positions) == [*range(min(positions), min(positions) + 15 * 40)]
    assert positions != sorted(positions)
    operations: dict[str, list[str]] = {}
    for change in sorted(changes, key=lambda change: change["position"]):
        operations.setdefault(change["key"]["customer"], []).append(change["operation"])
        assert (change["after"] is None) == (change["operation"] == "D")
    assert any("D" in done and done.index("D") + 1 < len(done) for done in operations.values())
    for done in operations.values():
        assert all(after == "I" for before, after in pairwise(done) if before == "D")


@pytest.mark.parametrize(
    "feed", ["shop.products", "shop.orders", "shop.order_items", "ecb_fx.rates"]
)
def test_files_have_the_columns_of_the_contract(tmp_path: Path, feed: str) -> None:
    write_deliveries(tmp_path, FIRST, 1, seed=7)
    contract = load_contracts(PROJECT)[feed]
    path = next(tmp_path.joinpath(*feed.split("."), f"dt={FIRST}").glob("*.csv*"))
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()

    header = text.splitlines()[0].rstrip(",").split(",")
    assert header == [column.header for column in contract.columns]
