"""What `make bench` measures with: its deliveries, its clocks, its sums."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import sales
from benchmarks.days import Run, growth
from benchmarks.measure import covered

_second = st.integers(0, 30)


def test_a_day_has_about_as_many_lines_as_wanted_and_is_the_same_again(tmp_path: Path) -> None:
    day, texts = sales.FIRST + dt.timedelta(days=3), []
    for name in ("one", "two"):
        lines = sales.deliver(tmp_path / name, day, 6000)
        assert lines == pytest.approx(6000, rel=0.05)
        folder = tmp_path / name / "shop" / "order_items" / f"dt={day}"
        texts.append((folder / "order_items.csv").read_text())
        assert len(texts[-1].splitlines()) == lines + 1
        assert (folder / "_DONE").exists()
    assert texts[0] == texts[1]


def test_one_product_sells_many_times_what_another_does(tmp_path: Path) -> None:
    sales.deliver(tmp_path, sales.FIRST, 20_000)
    (file,) = tmp_path.glob("shop/order_items/*/*.csv")
    sold = [line.split(",")[2] for line in file.read_text().splitlines()[1:]]
    counts = sorted(sold.count(product) for product in set(sold))
    assert counts[-1] > 30 * counts[0]


@given(st.lists(st.tuples(_second, _second).map(lambda span: (min(span), max(span)))))
def test_overlapping_statements_count_once(spans: list[tuple[int, int]]) -> None:
    seconds = {second for first, last in spans for second in range(first, last)}
    assert covered(spans) == len(seconds)


def test_growth_compares_medians_of_late_runs_with_those_of_early_ones() -> None:
    runs = [Run(1, {"land": 1.0}, files=10) for _ in range(30)]
    runs += [Run(1, {"land": 2.0}, files=10) for _ in range(30)]
    # One run that the machine disturbed says nothing.
    runs[3].took["land"] = 50.0
    assert growth(runs, 1, 59) == (2.0, 1.0)
