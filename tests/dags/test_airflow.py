"""Real DAG runs: the real scheduler, the CLI's backfills, the real engine and ledger."""

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import cut_deliveries
import pytest
from running import Airflow

from countinghouse.ingest import ingest
from countinghouse.ledger import open_ledger, tables
from countinghouse.outbox import pending
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
def backfilled(airflow: Airflow) -> Airflow:
    """Three days, ingested by a backfill from the CLI and built by the runs that it woke."""
    deliver(airflow, *DAYS)
    for dag_id in (INGEST, MARTS):
        airflow.pause(dag_id, False)
    airflow.backfill(INGEST, DAYS[0], DAYS[-1])
    airflow.wait_until_done(INGEST, "backfill", set(DAYS))
    airflow.wait_until_done(MARTS, "asset_triggered", touched_by(airflow))
    return airflow


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


def test_a_backfill_of_rebuild_builds_those_dates_and_equal_content_changes_nothing(
    backfilled: Airflow,
) -> None:
    before = published(backfilled)
    backfilled.pause(REBUILD, False)
    backfilled.backfill(REBUILD, DAYS[0], DAYS[1])
    states = backfilled.wait_until_done(REBUILD, "backfill", set(DAYS[:2]))
    assert states == dict.fromkeys(DAYS[:2], "success")
    assert {run["run_type"] for run in backfilled.runs(REBUILD)} == {"backfill"}
    assert attempts_of(backfilled, REBUILD) >= 2
    assert published(backfilled) == before


def test_what_a_paused_mart_and_a_dead_task_missed_is_made_good_by_maintenance(
    backfilled: Airflow,
) -> None:
    while_paused, without_event = "2017-03-04", "2017-03-05"
    backfilled.pause(MARTS)
    deliver(backfilled, while_paused)
    backfilled.backfill(INGEST, while_paused, while_paused)
    backfilled.wait_until_done(INGEST, "backfill", {while_paused})
    deliver(backfilled, without_event)
    # Publishes like a task that dies before Airflow hears of its success.
    ingest(backfilled.settings, "completejourney", without_event, run_id="dies afterwards")
    backfilled.pause(MARTS, False)
    assert {while_paused, without_event}.isdisjoint(backfilled.states(MARTS))
    assert stale(backfilled.settings, ["commerce"]) != []

    backfilled.pause("maintenance", False)
    states = backfilled.wait_until_done(MARTS, "asset_triggered", {while_paused, without_event})
    assert states[while_paused] == states[without_event] == "success"
    assert stale(backfilled.settings, ["commerce"]) == []
    # Seen by a run, so that the next round has nothing to announce.
    backfilled.trigger("maintenance")
    assert pending(open_ledger(backfilled.settings), "touched.completejourney") == []


def test_a_missing_delivery_is_named_after_the_rest_was_published(backfilled: Airflow) -> None:
    day = "2017-03-06"
    cut_deliveries.cut_transactions(backfilled.settings.landing_root, day, day)
    backfilled.backfill(INGEST, day, day)
    assert backfilled.wait_until_done(INGEST, "backfill", {day})[day] == "failed"
    run = backfilled.runs(INGEST, "backfill")[-1]
    tasks = {name: task["state"] for name, task in backfilled.tasks(run).items()}
    assert tasks == {"ingest": "success", "settle": "failed"}
    assert day in touched_by(backfilled)
    lines = (backfilled.settings.logs / "alerts.jsonl").read_text().splitlines()
    alerts = [alert for alert in map(json.loads, lines) if alert["partition"] == day]
    named = {alert["table"] for alert in alerts}
    assert "completejourney.products" in named
    assert "completejourney.transactions" not in named
    assert {alert["rule"] for alert in alerts} == {"delivered by its deadline"}


def test_the_menu_leads_to_both_docs_for_whoever_is_logged_in(airflow: Airflow) -> None:
    folder = airflow.settings.home / "docs" / "dbt"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text("documented")
    plugins = airflow.api.call("/api/v2/plugins")["plugins"]
    views = {view["name"]: view["href"] for one in plugins for view in one["external_views"]}
    assert set(views) == {"dbt docs", "Data Docs"}
    assert fetch(airflow, views["dbt docs"]) == (200, "documented")
    assert fetch(airflow, views["dbt docs"], login=False)[0] == 401
    assert fetch(airflow, "/countinghouse/dbt/..%2f..%2fsecrets%2fconnect_token")[0] == 404


def attempts_of(airflow: Airflow, dag_id: str) -> int:
    attempts = tables.attempts.select().where(tables.attempts.c.run_id.startswith(f"{dag_id}/"))
    with open_ledger(airflow.settings).connect() as connection:
        return len(connection.execute(attempts).all())


def fetch(airflow: Airflow, path: str, *, login: bool = True) -> tuple[int, str]:
    url = f"http://127.0.0.1:{airflow.settings.airflow_port}{path}"
    token = airflow.api.headers["Authorization"].removeprefix("Bearer ")
    headers = {"Cookie": f"_token={token}"} if login else {}
    try:
        with urlopen(Request(url, headers=headers), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, ""
