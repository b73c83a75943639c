"""Rebuilds what is a projection: the metastore from the ledger, the ledger from storage."""

from dataclasses import dataclass

from countinghouse import engine_session
from countinghouse.errors import CountinghouseError
from countinghouse.ledger import open_ledger, published, recovery
from countinghouse.ledger.recovery import Recovered
from countinghouse.publishing import metastore, pointers, reconcile
from countinghouse.settings import Settings


@dataclass(frozen=True)
class Rebuilt:
    """Tables and partitions that were registered, and what `reconcile` had to say after it."""

    tables: int
    partitions: int
    problems: list[str]


def rebuild_catalog(settings: Settings) -> Rebuilt:
    """Drop and register every published table in the metastore; no file is touched.

    Readers of a table get an error for the second between the two.
    """
    ledger = open_ledger(settings)
    done = reconcile.finish_crashes(settings)
    everything = published.locations(ledger)
    session = engine_session.open_session(settings, name="rebuild-catalog")
    try:
        for name, spec in sorted(published.table_specs(ledger).items()):
            metastore.drop(session, name, pointers.aside(settings, name))
            places = reconcile.directories(settings, name, everything.get(name, {}))
            metastore.ensure_table(session, spec, pointers.first_place(settings, spec, places))
            if places:
                metastore.point(session, spec, places)
    finally:
        session.stop()
    # Reads every location back.
    problems = [*done, *reconcile.reconcile(settings, full=True)]
    return Rebuilt(len(everything), sum(map(len, everything.values())), problems)


def rebuild_ledger(settings: Settings) -> Recovered:
    """Fill an empty ledger from storage alone: archive log, pointer log, manifests and audits."""
    ledger = recovery.open_anew(settings)
    if not recovery.is_empty(ledger):
        raise CountinghouseError(
            "the ledger is not empty: only an empty one is rebuilt",
            remedy="countinghouse ledger catch-up adds what storage knows; or restore a backup",
        )
    return recovery.absorb(settings, ledger)


def catch_up(settings: Settings) -> Recovered:
    """Add deliveries and publication sets that storage knows and the ledger does not."""
    return recovery.absorb(settings, open_ledger(settings))
