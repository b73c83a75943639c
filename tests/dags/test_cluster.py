"""The same DAGs on a standalone Spark cluster: a backfill, a day, and a worker that is killed."""

import contextlib
import datetime as dt
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from equality import differences, digests
from installations import another, ports_in_a_row
from running import Airflow, running_airflow, wait_for

from countinghouse.landing.treatments import PII_KEY
from countinghouse.planning.staleness import stale
from countinghouse.runs.build import build
from countinghouse.runs.ingest import accept, contracts_of
from countinghouse.runs.land import land
from countinghouse.services import control
from countinghouse.settings import Settings
from simulator.deliveries import Defects, write_deliveries

SYSTEMS = ["ecb_fx", "shop"]
MARTS = "marts_commerce"
FIRST = dt.date(2026, 3, 2)
DAYS = [(FIRST + dt.timedelta(days=n)).isoformat() for n in range(3)]
BACKFILLED, AFTERWARDS = DAYS[:2], DAYS[2]
SEED = 17
WORKERS = 2


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[Airflow]:
    """Airflow, its ledger on the same PostgreSQL, and an engine whose tasks two workers run."""
    home = with_persons(tmp_path_factory.mktemp("cluster"), settings)
    ui, master, *_ = ports_in_a_row(2 + WORKERS)
    own = another(
        home,
        cluster_workers=WORKERS,
        cluster_ui_port=ui,
        spark_master=f"spark://127.0.0.1:{master}",
        worker_memory="768m",
        driver_memory="1g",
    )
    with own as ours, running_airflow(ours) as running:
        yield running


def with_persons(home: Path, settings: Settings) -> Path:
    """A home that hashes persons as the other installations do: digests can be compared."""
    (home / "secrets").mkdir(mode=0o700)
    (home / "secrets" / PII_KEY).write_text(settings.secret(PII_KEY))
    return home


def deliver(settings: Settings, days: int) -> None:
    clean = Defects(late=None, corrupt=None, held=None, repeated=False)
    write_deliveries(settings.landing_root, FIRST, days, SEED, defects=clean)


def workers(settings: Settings) -> list[psutil.Process]:
    """The workers that run now."""
    named = [c for c in control.status(settings) if c.name.startswith("spark-worker")]
    return [psutil.Process(c.pid) for c in named if c.healthy and c.pid]


def kill_a_worker(settings: Settings, killed: list[int]) -> None:
    """Kill a worker and its executor as soon as the engine has jobs running."""
    wait_for(lambda: bool(_running_jobs(settings)), "a job to run")
    victim = workers(settings)[0]
    for process in [victim, *victim.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            killed.append(process.pid)


def _running_jobs(settings: Settings) -> list[object]:
    api = f"http://127.0.0.1:{settings.spark_ui_port}/api/v1/applications"
    with urlopen(api, timeout=10) as answer:
        (application,) = json.load(answer)
    with urlopen(f"{api}/{application['id']}/jobs?status=running", timeout=10) as answer:
        return list(json.load(answer))


def test_the_dags_run_on_a_cluster_and_survive_a_killed_worker(
    airflow: Airflow, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = airflow.settings
    assert len(workers(settings)) == WORKERS
    for dag_id in (*(f"ingest_{system}" for system in SYSTEMS), MARTS):
        airflow.pause(dag_id, False)
    deliver(settings, len(BACKFILLED))
    run(airflow, *BACKFILLED)

    deliver(settings, len(DAYS))
    killed: list[int] = []
    killer = threading.Thread(target=kill_a_worker, args=(settings, killed))
    killer.start()
    run(airflow, AFTERWARDS)
    killer.join()
    # The worker and, as its child, an executor that was running tasks.
    assert len(killed) >= 2
    wait_for(lambda: len(workers(settings)) == WORKERS, "the killed worker to be replaced")
    assert stale(settings, ["commerce"]) == []

    expected = embedded(with_persons(tmp_path_factory.mktemp("embedded"), settings))
    assert {"marts.fct_order_lines", "marts.rpt_sales_daily"} <= {table for table, _ in expected}
    assert differences(expected, digests(settings, DAYS[-1])) == []


def run(airflow: Airflow, *days: str) -> None:
    """Backfill the systems, and wait for the marts that they wake."""
    for system in SYSTEMS:
        airflow.backfill(f"ingest_{system}", days[0], days[-1])
    for system in SYSTEMS:
        done = airflow.wait_until_done(f"ingest_{system}", "backfill", set(days))
        assert set(done.values()) == {"success"}
    done = airflow.wait_until_done(MARTS, "asset_triggered", set(days))
    assert set(done.values()) == {"success"}
    for system in SYSTEMS:
        airflow.wait_until_closed(f"ingest_{system}")


def embedded(home: Path) -> dict[tuple[str, str], str]:
    """Digests of the same deliveries, built in one plan by an engine of threads."""
    with another(home, driver_memory="1g") as settings:
        deliver(settings, len(DAYS))
        accept(settings, SYSTEMS)
        land(settings, contracts_of(settings, SYSTEMS), run_id="embedded")
        report = build(
            settings, [*(f"staging.{name}" for name in SYSTEMS), "commerce"], run_id="embedded"
        )
        assert not report.failed, report.summary()
        return digests(settings, DAYS[-1])
