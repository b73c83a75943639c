"""Real DAG runs: the real scheduler, the CLI's backfills, the real engine and ledger."""

from collections.abc import Iterator

import cut_deliveries
import pytest
from running import Airflow

from countinghouse.ledger import open_ledger, tables
from countinghouse.staleness import stale

INGEST, MARTS, REBUILD = "ingest_completejourney", "marts_commerce", "rebuild_commerce"
DAYS = ["2017-03-01", "2017-03-02", "2017-03-03"]

pytestmark = pytest.mark.skipif(not cut_deliveries.present(), reason=cut_deliveries.MISSING)


def deliver(airflow: Airflow, *days: str) -> None:
    root = airflow.settings.landing_root
    for day in days:
        cut_deliveries.cut_completejourney(root, day, day)


def touched_by(airflow: Airflow) -> set[str]:
    events = airflow.api.call("/api/v2/assets/events?limit=100")["asset_events"]
    return {event["partition_key"] for event in events}


def published(airflow: Airflow) -> list[tuple[str, str, str]]:
    rows = tables.publications.c
    query = tables.publications.select().order_by(rows.publication_id)
    with open_ledger(airflow.settings).connect() as connection:
        found = connection.execute(query).all()
    return [(row.table_name, row.dt, row.version_id) for row in found]


@pytest.fixture(scope="module")
def backfilled(airflow: Airflow) -> Iterator[Airflow]:
    """Three days, ingested by a backfill from the CLI and built by the runs that it woke."""
    deliver(airflow, *DAYS)
    for dag_id in (INGEST, MARTS):
        airflow.pause(dag_id, False)
    airflow.backfill(INGEST, DAYS[0], DAYS[-1])
    airflow.wait_until_done(INGEST, "backfill", set(DAYS))
    airflow.wait_until_done(MARTS, "asset_triggered", set(DAYS))
    yield airflow


def test_a_backfill_ingests_each_day_and_wakes_exactly_the_touched_dates(
    backfilled: Airflow,
) -> None:
    assert backfilled.states(INGEST, "backfill") == dict.fromkeys(DAYS, "success")
    woken = backfilled.states(MARTS)
    assert set(woken) == touched_by(backfilled)
    assert set(woken.values()) == {"success"}
    order_lines = {dt for table, dt, _ in published(backfilled) if table == "marts.fct_order_lines"}
    assert set(DAYS) <= order_lines <= set(woken)
    assert stale(backfilled.settings, ["commerce"]) == []
