from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from printed import parsed

from countinghouse.contracts import load_contracts
from countinghouse.dbt.dbt_graph import load_graph
from countinghouse.errors import BadName
from countinghouse.ledger import open_ledger, tables
from countinghouse.names import Feed, dates_between, plus_days
from countinghouse.notifier import Alert, command_for
from countinghouse.planning.staleness import Difference, StalePartition, selected
from countinghouse.publishing.outbox import pending
from countinghouse.runs.ingest import Missing
from countinghouse.runs.report import Blocked, RunReport
from countinghouse.services import postgres
from countinghouse.services.airflow_api import Consumer
from countinghouse.settings import PROJECT_ROOT, Settings
from orchestration.upkeep import STALE_FOR_TOO_LONG, _stale_alert, overdue, wake, watched
from orchestration.wake_ups import MOST_WAKE_UPS, wake_ups
from orchestration.work import _missing, _problems, build_domain, ingest_day

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
LATER = timedelta(hours=1)


@dataclass
class Api:
    """Answers as Airflow would, and keeps what is announced to it."""

    consumers: tuple[Consumer, ...]
    announced: list[str] = field(default_factory=list)

    def asset(self, name: str) -> tuple[int, list[str]]:
        return 7, [one.dag_id for one in self.consumers]

    def consumer(self, dag_id: str) -> Consumer:
        return next(one for one in self.consumers if one.dag_id == dag_id)

    def announce(self, asset_id: int, partition_key: str) -> None:
        self.announced.append(partition_key)


def marts(
    last_start: datetime | None = None, *, paused: bool = False, waiting: bool = False
) -> Consumer:
    return Consumer("marts_x", paused=paused, waiting=waiting, last_start=last_start)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    """A ledger without an engine: nothing here reads a table."""
    settings = Settings(home=tmp_path_factory.mktemp("upkeep"))
    yield open_ledger(settings)
    postgres.stop(settings)


@pytest.fixture
def outbox(ledger: sa.Engine) -> Iterator[sa.Engine]:
    """Two dates that system `x` touched at NOW."""
    rows = [
        {"topic": "touched.x", "payload": {"dt": dt}, "created_at": NOW}
        for dt in ("2026-01-03", "2026-01-04")
    ]
    with ledger.begin() as connection:
        connection.execute(tables.outbox.insert().values(rows))
    yield ledger
    with ledger.begin() as connection:
        connection.execute(tables.outbox.delete().where(tables.outbox.c.topic == "touched.x"))


def left(ledger: sa.Engine) -> list[str]:
    return [event.payload["dt"] for event in pending(ledger, "touched.x")]


def woken(outbox: sa.Engine, *consumers: Consumer) -> list[str]:
    api: Any = Api(consumers)
    wake("x", outbox, api)
    return list(api.announced)


BOTH = ["2026-01-03", "2026-01-04"]


def test_dates_that_no_run_has_followed_are_announced_and_stay_in_the_outbox(
    outbox: sa.Engine,
) -> None:
    assert woken(outbox, marts(NOW - LATER)) == BOTH
    assert left(outbox) == BOTH
    assert woken(outbox, marts(None)) == BOTH


def test_a_run_that_began_after_the_event_has_seen_it(outbox: sa.Engine) -> None:
    assert woken(outbox, marts(NOW + LATER)) == []
    assert left(outbox) == []


def test_a_paused_consumer_is_not_woken_but_keeps_its_events(outbox: sa.Engine) -> None:
    assert woken(outbox, marts(NOW - LATER, paused=True)) == []
    assert left(outbox) == BOTH


def test_a_consumer_whose_run_is_queued_needs_no_other(outbox: sa.Engine) -> None:
    assert woken(outbox, marts(NOW - LATER, waiting=True)) == []
    assert left(outbox) == BOTH


def test_every_consumer_has_to_see_an_event(outbox: sa.Engine) -> None:
    other = Consumer("marts_y", paused=False, waiting=False, last_start=NOW - LATER)
    assert woken(outbox, marts(NOW + LATER), other) == BOTH
    assert left(outbox) == BOTH


def test_an_event_that_wakes_nobody_leaves(outbox: sa.Engine) -> None:
    assert woken(outbox) == []
    assert left(outbox) == []


def test_decades_of_touched_dates_wake_a_month_and_the_own_day() -> None:
    touched = [plus_days("1999-01-04", n) for n in range(10_000)]
    found = wake_ups("2001-01-01", touched)
    assert len(found) == MOST_WAKE_UPS + 1
    assert found[0] == "2001-01-01"
    assert found[-1] == touched[-1]


def test_the_own_day_is_announced_when_nothing_changed() -> None:
    assert wake_ups("2026-01-03", []) == ["2026-01-03"]


def test_a_partition_is_reported_once_when_it_passes_the_limit() -> None:
    since = watched(["marts.a 2026-01-03"], {}, NOW)
    passes = NOW + STALE_FOR_TOO_LONG
    quarter = timedelta(minutes=15)
    assert overdue(since, NOW, passes - quarter) == []
    since = watched(["marts.a 2026-01-03"], since, passes)
    assert overdue(since, passes - quarter, passes) == ["marts.a 2026-01-03"]
    assert overdue(since, passes, passes + quarter) == []


def test_a_partition_that_recovered_starts_again() -> None:
    since = watched(["marts.a 2026-01-03"], {}, NOW)
    assert watched([], since, NOW + LATER) == {}
    again = watched(["marts.a 2026-01-03"], {}, NOW + 2 * LATER)
    assert overdue(again, NOW, NOW + STALE_FOR_TOO_LONG) == []


@pytest.mark.parametrize(
    ("table", "dt"),
    [
        ("raw.shop__orders", "2026-03-02"),
        ("quarantine.shop__orders", "2026-03-02"),
    ],
)
def test_a_feed_is_landed_by_its_system(table: str, dt: str) -> None:
    name, given = parsed(command_for(table, dt))
    assert (name, given["systems"]) == ("land", ["shop"])
    assert "shop" in {contract.system for contract in load_contracts(PROJECT_ROOT).values()}


@pytest.mark.parametrize(
    ("table", "dt", "dates"),
    [
        ("marts.fct_order_lines", "2026-03-02", ("2026-03-02", "2026-03-02")),
        ("marts.fct_order_lines", "2026-03-02..2026-03-05", ("2026-03-02", "2026-03-05")),
        ("marts.dim_products", "all", (None, None)),
        ("marts.dim_products", "all..all", (None, None)),
        ("marts.dim_products", "9999-12-31", (None, None)),
        ("marts.dim_products", "2026-01-01..9999-12-31", (None, None)),
    ],
)
def test_a_model_is_built_with_the_dates_that_it_has(
    settings: Settings, table: str, dt: str, dates: tuple[str | None, str | None]
) -> None:
    name, given = parsed(command_for(table, dt))
    assert (name, given["first"], given["last"]) == ("build", *dates)
    assert [model.name for model in selected(load_graph(settings), given["selection"])] == [table]
    if dates[0] and dates[1]:
        assert dates_between(dates[0], dates[1])


def test_the_alert_about_a_stale_partition_prints_its_command() -> None:
    alert = _stale_alert(StalePartition("raw.shop__orders", "2026-03-02", ("waits",)))
    assert parsed(alert.command) == ("land", {"systems": ["shop"], "readmit": False})


def test_the_alert_about_a_stale_partition_names_what_differs() -> None:
    inputs = [
        Difference("raw.shop__orders", f"2026-03-0{n}", "slice", "a", "b") for n in range(1, 6)
    ]
    found = StalePartition("staging.stg_shop__orders", "2026-03-02", ("inputs",), tuple(inputs))
    sample = _stale_alert(found).sample
    assert sample.split("; ") == [f"raw.shop__orders 2026-03-0{n} changed" for n in (1, 2, 3)]


def test_a_missing_delivery_says_where_it_belongs_and_what_to_run_then() -> None:
    late = Missing(Feed("shop", "orders"), "2026-03-02", NOW)
    alert = Alert(**_missing(late))
    assert parsed(alert.command)[0] == "land"
    assert "landing/shop/orders/dt=2026-03-02/" in alert.hint


def test_a_blocked_and_a_refused_partition_tell_rows_and_sample() -> None:
    report = RunReport("r")
    report.blocked.append(Blocked("marts.x", "2026-03-02", "keys_are_unique", 2, "2 rows", "k=1"))
    report.refused.append(Blocked("raw.shop__orders", "2026-03-02", "delivery accepted", 9, "bad"))
    blocked, refused = [Alert(**problem) for problem in _problems(report)]
    assert (blocked.rows, blocked.sample, blocked.hint) == (2, "k=1", "")
    assert parsed(blocked.command)[1]["selection"] == ["marts.x"]
    assert (refused.rows, parsed(refused.command)[1]["systems"]) == (9, ["shop"])
    assert "countinghouse land shop --readmit" in refused.hint


@pytest.mark.parametrize("dag_id", ["ingest_shop", "rebuild_commerce"])
def test_fault_30_a_run_by_hand_without_a_date_says_how_to_give_one(dag_id: str) -> None:
    context = {"dag_run": SimpleNamespace(dag_id=dag_id, run_id="manual", partition_key=None)}
    run = {
        "ingest_shop": partial(ingest_day, "shop", None),
        "rebuild_commerce": partial(build_domain, "commerce", only_this_date=True),
    }
    with pytest.raises(BadName, match="has no date") as refusal:
        run[dag_id](context=context)
    assert refusal.value.remedy == f"countinghouse backfill {dag_id} --from DATE --to DATE"
