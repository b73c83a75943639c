"""Cut the public files of advertising into the deliveries that their sources would have sent.

    python tests/cut_ads.py landing

Reports come as often as their windows touch, each delivery with every row of its window, byte for
byte; tables of versions come whole, once, on `SNAPSHOT_DAY`.
"""

import argparse
import csv
import datetime as dt
import gzip
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import cut_deliveries

from countinghouse.contracts import Contract, load_contracts

PLATFORMS: Mapping[str, str] = {
    "amazon_ads": "amazon_ads",
    "apple_search": "apple_search",
    "facebook_ads": "facebook_ads",
    "google_ads": "google_ads",
    "linkedin_ads": "linkedin",
    "microsoft_ads": "microsoft_ads",
    "pinterest_ads": "pinterest",
    "reddit_ads": "reddit_ads",
    "snapchat_ads": "snapchat",
    "tiktok_ads": "tiktok",
    "twitter_ads": "twitter",
}
SYSTEMS = (*PLATFORMS, "adwords", "channel_paths")
SNAPSHOT_DAY = "2023-06-30"
SEEDS = cut_deliveries.DATA / "fivetran_ad_reporting_seeds"
ADWORDS = cut_deliveries.DATA / "adwords_keyword_daily" / "adwords.csv.gz"
CHANNEL_PATHS = cut_deliveries.DATA / "channel_paths" / "Data.csv"


def present() -> bool:
    """Whether the public files of advertising are on this machine."""
    return SEEDS.is_dir() and ADWORDS.is_file() and CHANNEL_PATHS.is_file()


def contracts() -> list[Contract]:
    """Every feed of advertising that the public files fill."""
    found = load_contracts(cut_deliveries.PROJECT).values()
    return [contract for contract in found if contract.system in SYSTEMS]


def file_of(contract: Contract) -> Path:
    """The public file that a feed is cut from."""
    others = {"adwords": ADWORDS, "channel_paths": CHANNEL_PATHS}
    if contract.system in others:
        return others[contract.system]
    return SEEDS / f"{PLATFORMS[contract.system]}_{contract.name}_data.csv"


def rows_of(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    """Records of a public file by the names of its header in lower case."""
    texts = (line.decode("utf-8-sig") for line in _lines(path))
    header, *records = csv.reader(texts, delimiter=delimiter)
    names = [name.strip().lower() for name in header]
    return [dict(zip(names, record, strict=False)) for record in records]


def cut(root: Path, contract: Contract) -> int:
    """Write the deliveries of a feed; returns how many."""
    if contract.restates_days is None:
        content = b"".join(_lines(file_of(contract)))
        name = f"{contract.name}.csv"
        cut_deliveries.deliver(root, str(contract.feed), SNAPSHOT_DAY, name, content)
        return 1
    header, days = _by_day(contract)
    windows = list(_windows(sorted(days), contract.restates_days))
    for window in windows:
        content = header + b"".join(line for day in window for line in days[day])
        name = f"{contract.name}.csv"
        cut_deliveries.deliver(root, str(contract.feed), window[-1], name, content)
    return len(windows)


def _by_day(contract: Contract) -> tuple[bytes, Mapping[str, list[bytes]]]:
    header, *lines = _lines(file_of(contract))
    at = next(csv.reader([header.decode("utf-8-sig")])).index(
        contract.column(contract.business_date.column).header
    )
    days: dict[str, list[bytes]] = defaultdict(list)
    for line in lines:
        (record,) = csv.reader([line.decode()])
        days[_day(record[at], ZoneInfo(contract.business_date.zone))].append(line)
    return header, days


def _day(text: str, zone: ZoneInfo) -> str:
    if len(text) == len("2026-03-02"):
        return text
    day, clock = text.split(" ")
    instant = dt.datetime.fromisoformat(f"{day} {clock.zfill(8)}").replace(tzinfo=dt.UTC)
    return instant.astimezone(zone).date().isoformat()


def _windows(days: Sequence[str], restates: int) -> Iterator[list[str]]:
    """Days in runs, newest first, each no longer than what one delivery restates."""
    window: list[str] = []
    for day in reversed(days):
        last = window[-1] if window else day
        if (dt.date.fromisoformat(last) - dt.date.fromisoformat(day)).days > restates:
            yield window
            window = []
        window.insert(0, day)
    yield window


def _lines(path: Path) -> list[bytes]:
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    lines = content.splitlines(keepends=True)
    ending = lines[0][len(lines[0].rstrip(b"\r\n")) :]
    lines[-1] = lines[-1].rstrip(b"\r\n") + ending
    return lines


def main() -> None:
    """Cut every feed of advertising below the given landing root."""
    parser = argparse.ArgumentParser(description="Cut the public files of advertising.")
    parser.add_argument("root", type=Path, help="landing root")
    root = parser.parse_args().root
    for contract in contracts():
        print(f"{contract.feed}: {cut(root, contract)} deliveries")


if __name__ == "__main__":
    main()
