"""Public files that their sources send once or as they are: each is one delivery of its feed.

    python tests/whole_files.py landing aicpa_gl stripe

`cut_deliveries` is for those that come day by day.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

from cut_deliveries import DATA, PROJECT, deliver

__all__ = ["FILES", "PROJECT", "SYSTEMS", "deliver_whole", "present"]

# The day after the last thing that they tell of; for what has no dates, a day of our own.
LEDGER, COUNTRIES, MARKETPLACE, STRIPE, BANDIT = (
    "2009-01-17",
    "2026-03-01",
    "2018-10-18",
    "2026-03-01",
    "2019-12-01",
)
STRIPE_FEEDS = (
    "balance_transactions",
    "charges",
    "refunds",
    "disputes",
    "payouts",
    "payment_intents",
    "payment_methods",
)
# Per feed the public file and the date of its delivery.
FILES: Mapping[str, tuple[str, str]] = {
    "aicpa_gl.journal_lines": ("gl_detail_aicpa/GL_Detail.csv.gz", LEDGER),
    "aicpa_gl.journal_totals": ("gl_detail_aicpa/log_file.csv.gz", LEDGER),
    "country_codes.countries": ("country_codes/country-codes.csv", COUNTRIES),
    "olist.payments": ("olist_partial/olist_order_payments_dataset.csv.gz", MARKETPLACE),
    "olist.products": ("olist_partial/olist_products_dataset.csv.gz", MARKETPLACE),
    "olist.sellers": ("olist_partial/olist_sellers_dataset.csv.gz", MARKETPLACE),
    "olist.product_category_translations": (
        "olist_partial/product_category_name_translation.csv",
        MARKETPLACE,
    ),
    **{
        f"stripe.{feed}": ("stripe_api_fixtures/fixtures3.json.gz", STRIPE) for feed in STRIPE_FEEDS
    },
    "open_bandit.impressions_bts": ("open_bandit_men/bts_men.csv.gz", BANDIT),
    "open_bandit.impressions_random": ("open_bandit_men/random_men.csv.gz", BANDIT),
    "open_bandit.items": ("open_bandit_men/item_context.csv", BANDIT),
}
SYSTEMS = tuple(dict.fromkeys(feed.partition(".")[0] for feed in FILES))
MISSING = f"the public data files are not in {DATA} (COUNTINGHOUSE_TEST_DATA)"


def present() -> bool:
    """Whether all of the files are on this machine."""
    return all((DATA / file).is_file() for file, _ in FILES.values())


def deliver_whole(root: Path, *systems: str) -> list[str]:
    """Deliver every feed of the systems; the feeds."""
    return list(_delivered(root, systems))


def _delivered(root: Path, systems: tuple[str, ...]) -> Iterator[str]:
    for feed, (file, day) in FILES.items():
        if feed.partition(".")[0] in systems:
            deliver(root, feed, day, Path(file).name, (DATA / file).read_bytes())
            yield feed


def main() -> None:
    """Deliver the systems given on the command line."""
    parser = argparse.ArgumentParser(description="Deliver public files as they are.")
    parser.add_argument("root", type=Path, help="landing root")
    parser.add_argument("systems", nargs="*", choices=SYSTEMS, default=SYSTEMS)
    arguments = parser.parse_args()
    deliver_whole(arguments.root, *arguments.systems)


if __name__ == "__main__":
    main()
