"""Deliveries cut out of the public files: complete, and as their sources would send them."""

import gzip
import json
from pathlib import Path

import cut_deliveries
import pytest

pytestmark = pytest.mark.skipif(not cut_deliveries.present(), reason=cut_deliveries.MISSING)


def _lines(root: Path, feed: str, day: str) -> list[str]:
    return (root / "completejourney" / feed / f"dt={day}" / f"{feed}.csv").read_text().splitlines()


def test_every_line_is_delivered_once_and_christmas_is_a_header(tmp_path: Path) -> None:
    cut_deliveries.cut_transactions(tmp_path, "2017-01-01", "2017-12-31")
    folders = sorted((tmp_path / "completejourney" / "transactions").iterdir())

    assert len(folders) == 365
    assert all((folder / "_DONE").exists() for folder in folders)
    counts = {f.name[3:]: len(_lines(tmp_path, "transactions", f.name[3:])) - 1 for f in folders}
    assert sum(counts.values()) == 75_000
    assert [day for day, count in counts.items() if count == 0] == ["2017-12-25"]


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2018-01-01 03:47:38", "2017-12-31"),
        ("2017-07-01 03:59:59", "2017-06-30"),
        ("2017-07-01 04:00:00", "2017-07-01"),
    ],
)
def test_the_day_is_that_of_the_shops(instant: str, day: str) -> None:
    assert cut_deliveries.shop_date(instant) == day


def test_redemptions_of_a_day_without_any_are_a_header(tmp_path: Path) -> None:
    cut_deliveries.cut_redemptions(tmp_path, "2017-01-01", "2017-01-03")
    assert [len(_lines(tmp_path, "redemptions", f"2017-01-0{n}")) for n in (1, 2, 3)] == [3, 1, 2]


def test_a_snapshot_comes_on_each_day_of_the_range(tmp_path: Path) -> None:
    cut_deliveries.cut_snapshot(tmp_path, "households", "2017-01-01", "2017-01-03")
    files = sorted((tmp_path / "completejourney" / "households").rglob("*.csv.gz"))

    assert len(files) == 3
    assert len({file.read_bytes() for file in files}) == 1


def test_rates_are_cumulative_and_newest_first(tmp_path: Path) -> None:
    cut_deliveries.cut_rates(tmp_path, "2017-01-06", "2017-01-09")
    days = {}
    for day in ("2017-01-06", "2017-01-07", "2017-01-09"):
        file = tmp_path / "ecb_fx" / "rates" / f"dt={day}" / "eurofxref-hist.csv.gz"
        days[day] = gzip.decompress(file.read_bytes()).decode().splitlines()

    assert days["2017-01-07"] == days["2017-01-06"]
    assert days["2017-01-09"][2:] == days["2017-01-06"][1:]
    assert days["2017-01-09"][1].startswith("2017-01-09,")
    assert days["2017-01-09"][-1].startswith("1999-01-04,")


def test_a_manifest_states_rows_and_digest(tmp_path: Path) -> None:
    cut_deliveries.cut_transactions(tmp_path, "2017-01-01", "2017-01-01", manifest=True)
    folder = tmp_path / "completejourney" / "transactions" / "dt=2017-01-01"
    (file,) = json.loads((folder / "_manifest.json").read_text())["files"]

    assert file["rows"] == len(_lines(tmp_path, "transactions", "2017-01-01")) - 1
    assert not (folder / "_DONE").exists()
