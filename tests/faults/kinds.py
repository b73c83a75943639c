"""A table of each kind, written by the real jobs in processes that die.

A shop, its exchange rates and its ads deliver day after day, with a bad row and a correction each.
"""

import contextlib
import datetime as dt
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from countinghouse.ledger import open_ledger, tables
from countinghouse.publishing import catalog
from countinghouse.runs.build import build
from countinghouse.runs.ingest import accept, contracts_of
from countinghouse.runs.land import land
from countinghouse.settings import Settings
from simulator.deliveries import Defects, write_correction, write_deliveries
from tests.faults.children import Child, child

SEED, FIRST, DAYS = 11, dt.date(2026, 3, 2), 40
SYSTEMS = ("shop", "ecb_fx", "facebook_ads")
TABLES = (
    "raw.shop__order_items",
    "raw.shop__customers",
    "raw.shop__products",
    "raw.ecb_fx__rates",
    "raw.facebook_ads__basic_ad",
    "quarantine.shop__order_items",
    "staging.stg_shop__order_items",
    "staging.stg_facebook_ads__account_history",
    "marts.dim_customers",
    "marts.dim_ad_accounts",
    "marts.fct_order_lines",
    "marts.rpt_sales_trailing_7d",
)
UNPARTITIONED = {"staging.stg_facebook_ads__account_history", "marts.dim_ad_accounts"}
# And all that they are made of.
MODELS = (
    *(f"staging.{system}" for system in SYSTEMS),
    *("intermediate.int_product_changes", "intermediate.int_products_seen"),
    *("intermediate.int_customer_changes", "marts.dim_products", "marts.rpt_sales_daily"),
    *(table for table in TABLES if table.startswith("marts.")),
)
Job = Callable[[Settings], None]


def land_all(settings: Settings) -> None:
    """Land whatever has come."""
    accept(settings, SYSTEMS)
    report = land(settings, contracts_of(settings, SYSTEMS), run_id="land")
    assert not report.failed, report.summary()


def build_all(settings: Settings) -> None:
    """Build whatever is stale."""
    report = build(settings, MODELS, run_id="build")
    assert not report.failed, report.summary()


def both(settings: Settings) -> None:
    land_all(settings)
    build_all(settings)


def in_child(outcome: Any, settings: Settings, job: Job, failpoint: str) -> None:
    """Do a job as a process of its own; `outcome` is told how it ended."""
    os.environ["COUNTINGHOUSE_FAILPOINT"] = failpoint
    try:
        job(settings)
        outcome.send("done")
    except Exception as error:
        outcome.send(f"{type(error).__name__}: {error}")


@dataclass
class Company:
    """What delivers, and the installation that it delivers to."""

    settings: Settings
    later: Path
    days: Iterator[int] = field(default_factory=lambda: iter(range(DAYS)))

    def prepare(self) -> None:
        """Write what will be delivered."""
        defects = Defects(late=None, corrupt=None, repeated=True)
        write_deliveries(self.later, FIRST, DAYS, SEED, defects=defects)

    def deliver(self) -> None:
        """One day of every feed, one of its items unreadable, and the day before corrected."""
        n = next(self.days)
        day, landing = FIRST + dt.timedelta(n), self.settings.landing_root
        _ads(self.later, day, n)
        for folder in sorted(self.later.glob(f"*/*/dt={day}")):
            target = landing / folder.relative_to(self.later)
            target.parent.mkdir(parents=True, exist_ok=True)
            if folder.parent.name == "order_items":
                _spoil(folder / "order_items.csv")
            folder.rename(target)
        if n:
            write_correction(landing, day - dt.timedelta(1), SEED, withdrawn=1)

    @contextlib.contextmanager
    def process(self, job: Job, failpoint: str = "") -> Iterator[Child]:
        """A process that does a job, and may be doomed."""
        with child(in_child, self.settings, job, failpoint) as started:
            yield started

    def published(self) -> dict[tuple[str, str], str]:
        """Content digest of each published partition that has rows."""
        shown, versions = tables.pointers.c, tables.versions.c
        query = sa.select(shown.table_name, shown.dt, versions.digest).join(
            tables.versions, versions.version_id == shown.version_id
        )
        with open_ledger(self.settings).connect() as connection:
            found = connection.execute(query.where(versions.rows > 0))
            return {(table, dt): digest for table, dt, digest in found}

    def publications(self) -> list[tuple[str, str, str]]:
        """Table, date and digest of every pointer that was ever moved."""
        made, versions = tables.publications.c, tables.versions.c
        query = sa.select(made.table_name, made.dt, versions.digest).join(
            tables.versions, versions.version_id == made.version_id
        )
        with open_ledger(self.settings).connect() as connection:
            rows = connection.execute(query.order_by(made.publication_id))
            return [(table, dt, digest) for table, dt, digest in rows]

    def undisturbed(self, settings: Settings) -> "Company":
        """Another installation, which gets the same deliveries and in which nothing goes wrong."""
        shutil.copytree(self.settings.archive, settings.archive, dirs_exist_ok=True)
        catalog.rebuild_ledger(settings)
        both(settings)
        return replace(self, settings=settings)

    def again(self) -> None:
        """Land and build everything once more."""
        contracts = contracts_of(self.settings, SYSTEMS)
        raw = {contract.feed.raw for contract in contracts}
        landed = [partition for partition in self.published() if partition[0] in raw]
        land(self.settings, contracts, run_id="again", again=landed)
        last = (FIRST + dt.timedelta(DAYS)).isoformat()
        report = build(self.settings, MODELS, FIRST.isoformat(), last, run_id="again", force=True)
        assert not report.failed, report.summary()


def _ads(later: Path, day: dt.date, n: int) -> None:
    """The day and the one before it, stated anew, and the accounts."""
    stated = [
        f"{date},ad{ad},a1,{100 + n + ad},{ad},{n}.5"
        for date in (day, day - dt.timedelta(1))
        for ad in range(3)
    ]
    reports = ["date,ad_id,account_id,impressions,inline_link_clicks,spend", *stated]
    accounts = ["id,_fivetran_synced,name", f"a1,{day} 00:00:00,Account {n}"]
    for feed, lines in (("basic_ad", reports), ("account_history", accounts)):
        folder = later / "facebook_ads" / feed / f"dt={day}"
        folder.mkdir(parents=True)
        (folder / "rows.csv").write_text("\n".join([*lines, ""]))
        (folder / "_DONE").touch()


def _spoil(file: Path) -> None:
    """Make the quantity of the last line a word."""
    *lines, last = file.read_text().splitlines()
    cells = last.split(",")
    cells[3] = "some"
    file.write_text("\n".join([*lines, ",".join(cells), ""]))
