"""Cut the public files into the deliveries that their sources would have sent.

    python tests/cut_deliveries.py landing 2017-01-01 2017-01-31

One folder per feed and delivery date under the landing root, closed by `_DONE`:
`completejourney/*` as day files and snapshots, `ecb_fx/rates` as a cumulative file per day.
The files are read from COUNTINGHOUSE_TEST_DATA, by default `../shared/data`.
"""

import argparse
import csv
import datetime as dt
import functools
import gzip
import hashlib
import io
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from countinghouse.names import dates_between

PROJECT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("COUNTINGHOUSE_TEST_DATA") or PROJECT.parent / "shared" / "data")
MISSING = f"the public data files are not in {DATA} (COUNTINGHOUSE_TEST_DATA)"
SHOP_ZONE = ZoneInfo("America/New_York")
SNAPSHOTS: Mapping[str, str] = {
    "products": "products",
    "households": "demographics",
    "campaigns": "campaigns",
    "campaign_descriptions": "campaign_descriptions",
    "coupons": "coupons",
}
COMPLETEJOURNEY = ("transactions", "redemptions", *SNAPSHOTS)


def present() -> bool:
    """Whether the public data files are on this machine."""
    return (DATA / "completejourney").is_dir() and (DATA / "ecb_fx").is_dir()


def deliver(
    root: Path, feed: str, day: str, name: str, content: bytes, *, rows: int | None = None
) -> Path:
    """Write one complete delivery; with `rows` a manifest closes it, else `_DONE`."""
    folder = root.joinpath(*feed.split(".")) / f"dt={day}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    if rows is None:
        (folder / "_DONE").touch()
        return folder
    digest = hashlib.sha256(content).hexdigest()
    file = {"name": name, "bytes": len(content), "sha256": digest, "rows": rows}
    (folder / "_manifest.json").write_text(json.dumps({"files": [file]}))
    return folder


def cut_transactions(root: Path, first: str, last: str, *, manifest: bool = False) -> None:
    """Till lines, one file per date in the shops' zone; Christmas is a header alone."""
    header, days = transactions()
    _deliver_days(root, "transactions", (header, days), (first, last), manifest=manifest)


def cut_redemptions(root: Path, first: str, last: str, *, manifest: bool = False) -> None:
    """Coupon redemptions, one file per day; a day without any is a header alone."""
    header, days = _redemptions()
    _deliver_days(root, "redemptions", (header, days), (first, last), manifest=manifest)


def cut_snapshot(root: Path, feed: str, first: str, last: str | None = None) -> None:
    """The same full snapshot on every day of the range, on the first alone without `last`."""
    content = (DATA / "completejourney" / f"{SNAPSHOTS[feed]}.csv.gz").read_bytes()
    for day in dates_between(first, last or first):
        deliver(root, f"completejourney.{feed}", day, f"{feed}.csv.gz", content)


def cut_rates(root: Path, first: str, last: str) -> None:
    """ECB rates as the source sends them: every day the whole history up to that day."""
    header, *newest_first = _rate_lines()
    for day in dates_between(first, last):
        known = [line for line in newest_first if line[:10] <= day]
        content = gzip.compress("".join([header, *known]).encode(), 1, mtime=0)
        deliver(root, "ecb_fx.rates", day, "eurofxref-hist.csv.gz", content)


def cut_completejourney(root: Path, first: str, last: str) -> None:
    """Every feed of the shops: day files for the range, snapshots on its first day."""
    cut_transactions(root, first, last)
    cut_redemptions(root, first, last)
    for feed in SNAPSHOTS:
        cut_snapshot(root, feed, first)


def shop_date(transacted_at: str) -> str:
    """Date in the shops' zone of a UTC timestamp as the file writes it."""
    instant = dt.datetime.fromisoformat(transacted_at).replace(tzinfo=dt.UTC)
    return instant.astimezone(SHOP_ZONE).date().isoformat()


Row = list[str]
Days = Mapping[str, Sequence[Row]]


@functools.cache
def transactions() -> tuple[Row, Days]:
    """Header, and till lines by date in the shops' zone."""
    header, rows = _read("transactions_sample")
    at = header.index("transaction_timestamp")
    return header, _by_day((shop_date(row[at]), row) for row in rows)


@functools.cache
def _redemptions() -> tuple[Row, Days]:
    header, rows = _read("coupon_redemptions")
    on = header.index("redemption_date")
    return header, _by_day((row[on], row) for row in rows)


@functools.cache
def _rate_lines() -> list[str]:
    path = DATA / "ecb_fx" / "eurofxref-hist.csv.gz"
    return gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)


def _read(file: str) -> tuple[Row, list[Row]]:
    path = DATA / "completejourney" / f"{file}.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    return header, rows


def _by_day(dated: Iterable[tuple[str, Row]]) -> Days:
    days: dict[str, list[Row]] = defaultdict(list)
    for day, row in dated:
        days[day].append(row)
    return days


def _deliver_days(
    root: Path, feed: str, cut: tuple[Row, Days], span: tuple[str, str], *, manifest: bool
) -> None:
    header, days = cut
    for day in dates_between(*span):
        rows = days.get(day, [])
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([header, *rows])
        content = text.getvalue().encode()
        count = len(rows) if manifest else None
        deliver(root, f"completejourney.{feed}", day, f"{feed}.csv", content, rows=count)


def main() -> None:
    """Cut the range given on the command line."""
    parser = argparse.ArgumentParser(description="Cut the public files into deliveries.")
    parser.add_argument("root", type=Path, help="landing root")
    parser.add_argument("first", help="first delivery date, YYYY-MM-DD")
    parser.add_argument("last", help="last delivery date, YYYY-MM-DD")
    parser.add_argument("--system", choices=["completejourney", "ecb_fx"], action="append")
    arguments = parser.parse_args()
    systems = arguments.system or ["completejourney", "ecb_fx"]
    if "completejourney" in systems:
        cut_completejourney(arguments.root, arguments.first, arguments.last)
    if "ecb_fx" in systems:
        cut_rates(arguments.root, arguments.first, arguments.last)


if __name__ == "__main__":
    main()
