"""Real DAG runs: the real scheduler, the CLI's backfills, the real engine and ledger."""

import datetime as dt
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest
import sqlalchemy as sa
from alerted import alerts
from browsing import needs_chromium, open_browser, window
from ledger_text import texts_of
from running import Airflow, wait_for

from countinghouse import docs
from countinghouse.backfills.follow import refuse_second
from countinghouse.backfills.in_airflow import AirflowBackfills
from countinghouse.backfills.request import BackfillRefused
from countinghouse.ledger import open_ledger, tables
from countinghouse.planning.staleness import stale
from countinghouse.publishing.outbox import pending
from countinghouse.runs.build import build
from countinghouse.runs.ingest import accept, contracts_of, ingest
from countinghouse.runs.land import land
from countinghouse.services import postgres, processes
from countinghouse.services.airflow import USER, password
from countinghouse.settings import Settings
from simulator import expected
from simulator.deliveries import Defects, write_correction, write_corrupt, write_deliveries

INGEST, MARTS, REBUILD = "ingest_shop", "marts_commerce", "rebuild_commerce"
SEED = 11
FIRST = dt.date(2026, 3, 2)
DAYS = [(FIRST + dt.timedelta(days=n)).isoformat() for n in range(10)]
# In the order in which they are delivered: a change log has no gaps.
BACKFILLED, WITHOUT_SCHEDULER, WITHOUT_SERVER, FROZEN = DAYS[:3], *DAYS[3:6]
WHILE_PAUSED, WITHOUT_EVENT, INCOMPLETE, AFTERWARDS = DAYS[6:]
# Three heartbeats of a task, five seconds each, and more.
HEARTBEATS = 20
# Entries of Airflow's menu, and what their page says.
LIVE = {
    "Quality": "What the gates said",
    "Freshness": "Newest partition",
    "Deliveries": "What the signs mean",
}
SITES = {"dbt docs": "What the tables mean", "Data Docs": "raw.shop__order_items"}
CLEAN = Defects(late=None, corrupt=None, held=None, repeated=False)


def deliver(settings: Settings, *days: str) -> None:
    for day in days:
        first = dt.date.fromisoformat(day)
        write_deliveries(settings.landing_root, first, 1, SEED, defects=CLEAN)


def touched(airflow: Airflow, run_id: str = "") -> set[str]:
    """Partitions announced so far, by one run or by all.

    Airflow answers 500 while a run that an event has woken is queued.
    """
    events = airflow.api.call("/api/v2/assets/events?limit=100")["asset_events"]
    return {event["partition_key"] for event in events if run_id in ("", event["source_run_id"])}


def publications(airflow: Airflow) -> list[tuple[str, str, str]]:
    rows = tables.publications.c
    query = tables.publications.select().order_by(rows.publication_id)
    with open_ledger(airflow.settings).connect() as connection:
        return [(row.table_name, row.dt, row.version_id) for row in connection.execute(query).all()]


def attempts_of(airflow: Airflow, dag_id: str) -> int:
    attempts = tables.attempts.select().where(tables.attempts.c.run_id.startswith(f"{dag_id}/"))
    with open_ledger(airflow.settings).connect() as connection:
        return len(connection.execute(attempts).all())


@pytest.fixture(scope="module")
def backfilled(airflow: Airflow) -> Airflow:
    """Three days, ingested by a backfill from the CLI and built by the runs that it woke."""
    deliver(airflow.settings, *BACKFILLED)
    for dag_id in (INGEST, MARTS):
        airflow.pause(dag_id, False)
    airflow.backfill(INGEST, BACKFILLED[0], BACKFILLED[-1])
    airflow.wait_until_done(INGEST, "backfill", set(BACKFILLED))
    airflow.wait_until_done(MARTS, "asset_triggered", set(BACKFILLED))
    return airflow


def test_a_backfill_ingests_each_day_and_wakes_exactly_the_touched_dates(
    backfilled: Airflow,
) -> None:
    assert backfilled.states(INGEST, "backfill") == dict.fromkeys(BACKFILLED, "success")
    woken = backfilled.states(MARTS)
    assert set(woken) == touched(backfilled)
    assert set(woken.values()) == {"success"}
    lines = {day for table, day, _ in publications(backfilled) if table == "marts.fct_order_lines"}
    assert set(BACKFILLED) <= lines <= set(woken)
    assert stale(backfilled.settings, ["commerce"]) == []


def test_one_plan_gives_the_digests_of_the_days_that_airflow_ran(
    backfilled: Airflow, installation: Settings
) -> None:
    """The form of three days of `python tests/equality.py`."""
    deliver(installation, *BACKFILLED)
    accept(installation, ["shop"])
    land(installation, contracts_of(installation, ["shop"]), run_id="one plan")
    report = build(installation, ["staging.shop", "commerce"], run_id="one plan")
    assert not report.failed, report.summary()
    through_airflow, found = digests(backfilled.settings), digests(installation)
    assert {key: found.get(key) for key in through_airflow} == through_airflow
    tables_of_days = {table for table, _ in through_airflow}
    assert len(tables_of_days) >= 10, tables_of_days
    assert found["marts.fct_order_lines", BACKFILLED[0]].startswith(f"{expected_lines()} ")


def digests(settings: Settings) -> dict[tuple[str, str], str]:
    """Rows and digest of what is published for the three days, all tables of the shop."""
    rows, made = tables.pointers.c, tables.versions.c
    query = sa.select(rows.table_name, rows.dt, made.rows, made.digest).join_from(
        tables.pointers, tables.versions, made.version_id == rows.version_id
    )
    with open_ledger(settings).connect() as connection:
        found = connection.execute(query.where(rows.dt.in_(BACKFILLED))).all()
    return {(row.table_name, row.dt): f"{row.rows} {row.digest}" for row in found}


def expected_lines() -> int:
    truth = expected(FIRST, 1, SEED)
    return sum(sold.lines for sold in truth.values())


def test_a_backfill_of_rebuild_builds_those_dates_and_equal_content_changes_nothing(
    backfilled: Airflow,
) -> None:
    before = publications(backfilled)
    backfilled.pause(REBUILD, False)
    backfilled.backfill(REBUILD, BACKFILLED[0], BACKFILLED[1])
    states = backfilled.wait_until_done(REBUILD, "backfill", set(BACKFILLED[:2]))
    assert states == dict.fromkeys(BACKFILLED[:2], "success")
    # It is not paused, and has not begun a run by itself.
    assert {run["run_type"] for run in backfilled.runs(REBUILD)} == {"backfill"}
    assert attempts_of(backfilled, REBUILD) >= 2
    assert publications(backfilled) == before


def command(airflow: Airflow, *words: str) -> subprocess.CompletedProcess[str]:
    """`countinghouse backfill ...` of this installation."""
    line = [sys.executable, "-m", "countinghouse.cli", "backfill", *words]
    return subprocess.run(line, env=airflow.env, capture_output=True, text=True, check=False)


def test_fault_44_what_was_cancelled_and_cleared_is_ended_and_runs_after_all(
    backfilled: Airflow,
) -> None:
    # The first two dates have run before.
    span = (REBUILD, "--from", BACKFILLED[0], "--to", BACKFILLED[-1], "--yes")
    backfilled.wait_until_closed(REBUILD)
    backfilled.pause(REBUILD)
    # By Airflow's own command, which a pause does not stop.
    backfilled.backfill(REBUILD, BACKFILLED[-1], BACKFILLED[-1])
    queued = backfilled.runs(REBUILD)[-1]
    paused = command(backfilled, *span)
    assert (paused.returncode, "is paused" in paused.stderr) == (1, True)
    with pytest.raises(BackfillRefused, match="is active"):
        refuse_second(AirflowBackfills(backfilled.settings), REBUILD)

    assert command(backfilled, REBUILD, "--cancel").returncode == 0
    assert backfilled.states(REBUILD)[BACKFILLED[-1]] == "failed"
    backfilled.api.clear(REBUILD, queued["dag_run_id"])
    backfilled.pause(REBUILD, False)
    plan = command(backfilled, *span, "--dry-run")
    assert (plan.returncode, "waits for ever" in plan.stdout) == (0, True), plan.stdout

    ended = command(backfilled, REBUILD, "--cancel")
    assert (ended.returncode, "1 runs" in ended.stdout) == (0, True)
    after = command(backfilled, *span, "--reprocess", "failed")
    assert after.returncode == 0, after.stderr
    assert "1 of 3 dates succeeded, 2 had succeeded before" in after.stdout
    assert backfilled.states(REBUILD) == dict.fromkeys(BACKFILLED, "success")


def test_fault_40_again_runs_and_changes_nothing(backfilled: Airflow) -> None:
    before, runs = publications(backfilled), len(backfilled.runs(REBUILD))
    # Whose backfill has ended a moment ago, and is closed by Airflow in its own time.
    done = command(backfilled, REBUILD, "--from", BACKFILLED[0], "--to", BACKFILLED[-1], "--yes")
    assert done.returncode == 0, done.stderr
    assert "0 of 3 dates succeeded, 3 had succeeded before" in done.stdout
    assert (publications(backfilled), len(backfilled.runs(REBUILD))) == (before, runs)


def begin(airflow: Airflow, day: str) -> None:
    """Have a day ingested; return when its task is in the middle of it."""
    before = attempts_of(airflow, INGEST)
    # What was delivered before stays as it is.
    deliver(airflow.settings, *DAYS[: DAYS.index(day) + 1])
    airflow.wait_until_closed(INGEST)
    airflow.backfill(INGEST, day, day)
    wait_for(lambda: attempts_of(airflow, INGEST) > before, f"the run of {day} to claim something")


def ingested_once(airflow: Airflow, day: str) -> None:
    """Wait for the end of that run, and compare with what has been published of its day."""
    states = airflow.wait_until_done(INGEST, "backfill", {day})
    assert states[day] == "success"
    tables_of_day = [table for table, published, _ in publications(airflow) if published == day]
    assert "staging.stg_shop__order_items" in tables_of_day
    assert sorted(tables_of_day) == sorted({*tables_of_day})
    (found,) = [run for run in airflow.runs(INGEST) if run["partition_key"] == day]
    assert day in touched(airflow, found["dag_run_id"])
    rows = tables.pointers.c, tables.versions.c
    query = sa.select(rows[1].rows).join_from(
        tables.pointers, tables.versions, rows[1].version_id == rows[0].version_id
    )
    of_day = query.where(rows[0].table_name == "staging.stg_shop__order_items", rows[0].dt == day)
    with open_ledger(airflow.settings).connect() as connection:
        assert connection.execute(of_day).scalar_one() == lines_sold(day)


def lines_sold(day: str) -> int:
    return sum(sold.lines for sold in expected(dt.date.fromisoformat(day), 1, SEED).values())


def test_fault_36_a_run_whose_scheduler_is_killed_completes_and_each_effect_happens_once(
    backfilled: Airflow,
) -> None:
    begin(backfilled, WITHOUT_SCHEDULER)
    backfilled.kill("scheduler")
    backfilled.wait_until_healthy("scheduler")
    ingested_once(backfilled, WITHOUT_SCHEDULER)


def test_fault_37_a_run_whose_api_server_is_down_for_three_heartbeats_has_exact_rows(
    backfilled: Airflow,
) -> None:
    begin(backfilled, WITHOUT_SERVER)
    backfilled.kill("api-server")
    time.sleep(HEARTBEATS)
    backfilled.wait_until_healthy("api-server")
    ingested_once(backfilled, WITHOUT_SERVER)


def test_fault_38_a_task_frozen_past_its_heartbeats_is_tried_again_and_harmless_when_it_wakes(
    backfilled: Airflow,
) -> None:
    begin(backfilled, FROZEN)
    before = attempts_of(backfilled, INGEST)
    task = psutil.Process(newest_pid(backfilled))
    # And the process that sends its heartbeats.
    frozen = [task, *task.parents()[:1]]
    for process in frozen:
        process.suspend()
    wait_for(lambda: attempts_of(backfilled, INGEST) > before, "another try to claim something")
    for process in frozen:
        process.resume()
    ingested_once(backfilled, FROZEN)
    wait_for(lambda: not task.is_running(), "the task that was frozen to end")
    (run,) = [one for one in backfilled.runs(INGEST) if one["partition_key"] == FROZEN]
    assert backfilled.tasks(run)["ingest"]["try_number"] > 1


def newest_pid(airflow: Airflow) -> int:
    """The process that made the newest attempt of an ingest."""
    rows = tables.attempts.c
    query = sa.select(rows.pid).where(rows.run_id.startswith(f"{INGEST}/"))
    with open_ledger(airflow.settings).connect() as connection:
        return int(connection.execute(query.order_by(rows.started_at.desc())).scalars().first())


def test_fault_106_fault_107_what_a_paused_mart_and_a_dead_task_missed_is_made_good_by_maintenance(
    backfilled: Airflow,
) -> None:
    corrected = BACKFILLED[1]
    backfilled.pause(MARTS)
    deliver(backfilled.settings, WHILE_PAUSED)
    backfilled.wait_until_closed(INGEST)
    root = backfilled.settings.landing_root
    write_correction(root, dt.date.fromisoformat(corrected), SEED, withdrawn=1)
    backfilled.backfill(INGEST, WHILE_PAUSED, WHILE_PAUSED)
    backfilled.wait_until_done(INGEST, "backfill", {WHILE_PAUSED})
    run = backfilled.runs(INGEST, "backfill")[-1]
    assert touched(backfilled, run["dag_run_id"]) == {WHILE_PAUSED, corrected}
    deliver(backfilled.settings, WITHOUT_EVENT)
    # Publishes like a task that dies before Airflow hears of its success.
    ingest(backfilled.settings, "shop", WITHOUT_EVENT, run_id="dies afterwards")
    backfilled.pause(MARTS, False)
    assert {WHILE_PAUSED, WITHOUT_EVENT}.isdisjoint(backfilled.states(MARTS))
    assert stale(backfilled.settings, ["commerce"]) != []

    backfilled.pause("maintenance", False)
    states = backfilled.wait_until_done(MARTS, "asset_triggered", {WHILE_PAUSED, WITHOUT_EVENT})
    assert states[WHILE_PAUSED] == states[WITHOUT_EVENT] == "success"
    assert stale(backfilled.settings, ["commerce"]) == []
    # A run has seen the events, so that the next round has nothing to announce.
    backfilled.trigger("maintenance")
    assert pending(open_ledger(backfilled.settings), "touched.shop") == []


def test_fault_62_a_missing_and_a_refused_delivery_are_named_after_the_rest_was_published(
    backfilled: Airflow,
) -> None:
    root = backfilled.settings.landing_root
    deliver(backfilled.settings, INCOMPLETE)
    shutil.rmtree(root / "shop" / "products" / f"dt={INCOMPLETE}")
    write_corrupt(root, dt.date.fromisoformat(INCOMPLETE), SEED)
    backfilled.backfill(INGEST, INCOMPLETE, INCOMPLETE)
    assert backfilled.wait_until_done(INGEST, "backfill", {INCOMPLETE})[INCOMPLETE] == "failed"
    run = backfilled.runs(INGEST, "backfill")[-1]
    tasks = {name: task["state"] for name, task in backfilled.tasks(run).items()}
    assert tasks == {"ingest": "success", "settle": "failed"}
    backfilled.wait_until_done(MARTS, "asset_triggered", {INCOMPLETE})
    assert INCOMPLETE in touched(backfilled, run["dag_run_id"])
    published = {table for table, day, _ in publications(backfilled) if day == INCOMPLETE}
    assert "staging.stg_shop__orders" in published

    told = alerts(backfilled.settings, partition=INCOMPLETE)
    assert {(alert["table"], alert["rule"]) for alert in told} >= {
        ("shop.products", "delivered by its deadline"),
        ("raw.shop__order_items", "delivery accepted"),
    }


# What a person may give to a run; `{}` is a file that nobody must make.
HOSTILE = {
    "dt": "../../etc",
    "table": "x'; DROP TABLE marts.fct_order_lines; --",
    "day": "$(touch {})",
    "`touch {}`": "; touch {} #",
    "template": "{{ ''.__class__ }}",
}


def test_a_system_that_has_never_delivered_is_skipped_and_not_red(airflow: Airflow) -> None:
    dag_id = "ingest_channel_paths"
    airflow.pause(dag_id, False)
    wait_for(
        lambda: {run["state"] for run in airflow.runs(dag_id)} == {"success"},
        f"last night's run of {dag_id}",
    )
    (run,) = airflow.runs(dag_id)
    states = {name: task["state"] for name, task in airflow.tasks(run).items()}
    assert states == {"ingest": "skipped", "settle": "skipped"}
    assert run["state"] == "success"


def test_fault_93_what_a_run_is_given_does_nothing_and_the_night_writes_both_docs(
    backfilled: Airflow, tmp_path: Path
) -> None:
    canary, before = tmp_path / "canary", publications(backfilled)
    conf = {name.replace("{}", str(canary)): text for name, text in HOSTILE.items()}
    conf = {name: text.replace("{}", str(canary)) for name, text in conf.items()}
    backfilled.pause("nightly", False)
    # Not any run: without a pause the scheduler makes that of last night as well.
    tasks = backfilled.tasks(backfilled.trigger("nightly", conf=conf))
    assert not canary.exists()
    assert publications(backfilled) == before
    assert {task["state"] for task in tasks.values()} == {"success"}, tasks
    docs = backfilled.settings.home / "docs"
    assert "fct_order_lines" in (docs / "dbt" / "index.html").read_text()
    assert "raw.shop__order_items" in (docs / "data_docs" / "index.html").read_text()


def test_the_menu_leads_to_every_page_for_whoever_is_logged_in(airflow: Airflow) -> None:
    for site in ("dbt", "data_docs"):
        folder = airflow.settings.home / "docs" / site
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "index.html").exists():
            (folder / "index.html").write_text("documented")
    views = menu(airflow)
    assert list(views) == [*LIVE, *SITES]
    for path in [*views.values(), "/countinghouse/pages.css"]:
        assert fetch(airflow, path)[0] == 200, path
        assert fetch(airflow, path, login=False)[0] == 401, path
    one_gate, one_day = (
        "/countinghouse/quality/1",
        "/countinghouse/deliveries/shop.orders/2026-01-01",
    )
    assert {fetch(airflow, path, login=False)[0] for path in (one_gate, one_day)} == {401}
    assert fetch(airflow, "/countinghouse/dbt/..%2f..%2fsecrets%2fconnect_token")[0] == 404


def refuse(settings: Settings, day: str) -> None:
    """Land a day whose order items are refused."""
    deliver(settings, day)
    write_corrupt(settings.landing_root, dt.date.fromisoformat(day), SEED)
    accept(settings, ["shop"])
    assert land(settings, contracts_of(settings, ["shop"]), run_id="refused").refused


def menu(airflow: Airflow) -> dict[str, str]:
    plugins = airflow.api.call("/api/v2/plugins")["plugins"]
    return {view["name"]: view["href"] for one in plugins for view in one["external_views"]}


@needs_chromium
def test_a_person_logs_in_opens_each_page_and_follows_what_failed(airflow: Airflow) -> None:
    refuse(airflow.settings, AFTERWARDS)
    docs.generate(airflow.settings)
    address = f"http://127.0.0.1:{airflow.settings.airflow_port}"
    with open_browser() as browser, window(browser) as page:
        page.goto(f"{address}/auth/login")
        page.locator("input[name=username]").fill(USER)
        page.locator("input[name=password]").fill(password(airflow.settings))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "login" not in url)
        for title, said in (LIVE | SITES).items():
            page.get_by_role("link", name=title, exact=True).first.click()
            frame = page.frame_locator("iframe")
            frame.get_by_text(said).first.wait_for(timeout=60_000)
        page.get_by_role("link", name="Quality", exact=True).first.click()
        frame = page.frame_locator("iframe")
        frame.get_by_role("link", name="delivery accepted").first.click()
        frame.get_by_role("heading", name="What to do").wait_for()
        text = frame.locator("main").inner_text()
        documented = f"{address}/countinghouse/dbt/index.html#!/model/model.countinghouse"
        page.goto(f"{documented}.rpt_sales_daily")
        page.get_by_role("heading", name="rpt_sales_daily").wait_for()
        documentation = page.inner_text("body")
    assert "raw.shop__order_items" in text
    assert "rows are bad" in text
    assert "countinghouse land shop" in text
    for said in ("commerce-data", '"department"', "Business date of the sale", "Exposures"):
        assert said in documentation


def test_fault_94_no_secret_is_in_the_logs_or_the_database_of_airflow(airflow: Airflow) -> None:
    files = (airflow.settings.home / "secrets").iterdir()
    secrets = {path.name: path.read_text().strip() for path in files if path.is_file()}
    secrets |= {"fernet": airflow.env["AIRFLOW__CORE__FERNET_KEY"]}
    assert {"airflow_password", "airflow_jwt_secret", "connect_token"} <= set(secrets)
    url = postgres.ledger_url(airflow.settings, "airflow")
    texts = texts_of(sa.create_engine(url, poolclass=sa.NullPool))
    assert texts["public.dag_run"]
    logs = [path for path in airflow.settings.logs.rglob("*") if path.is_file()]
    assert logs
    texts |= {str(path): path.read_bytes().decode("latin-1") for path in logs}
    for process in processes.owned(airflow.settings):
        texts[f"process {process.pid}"] = " ".join(process.cmdline())
    assert [(n, s) for s, secret in secrets.items() for n, t in texts.items() if secret in t] == []


def test_fault_96_airflow_is_open_to_this_machine_and_its_users_only(airflow: Airflow) -> None:
    listening = {
        connection.laddr.ip.removeprefix("::ffff:")
        for process in processes.owned(airflow.settings)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    for path in ("/api/v2/dags", "/api/v2/connections", "/countinghouse/dbt/index.html"):
        assert fetch(airflow, path, login=False)[0] == 401, path


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
