"""What the delivery calendar and a day of it say, on a ledger without an engine."""

import datetime as dt
from pathlib import Path

import ledgers
import pytest
import sqlalchemy as sa

from countinghouse.errors import CountinghouseError
from countinghouse.ledger import tables
from countinghouse.questions.delivered import delivered
from countinghouse.questions.delivery_calendar import calendar
from countinghouse.runs.ingest import is_connected
from countinghouse.settings import Settings

FEED = "shop.orders"
# Its contract's deadline is 12:00 UTC on the day after.
DAYS = [f"2026-03-{n:02d}" for n in range(1, 9)]
BEFORE_DEADLINE = dt.datetime(2026, 3, 8, 11, 59, tzinfo=dt.UTC)
AFTER_DEADLINE = dt.datetime(2026, 3, 8, 12, 0, tzinfo=dt.UTC)


def states(settings: Settings, now: dt.datetime, feed: str = FEED) -> dict[str, str]:
    found = calendar(settings, DAYS[-1], now=now, days=len(DAYS))
    (line,) = [line for line in found.feeds if str(line.feed) == feed]
    return {day.dt: day.state for day in line.days}


def test_each_day_says_what_became_of_it(asked: Settings, ledger: sa.Engine) -> None:
    ledgers.delivery(ledger, FEED, DAYS[1])
    ledgers.delivery(ledger, FEED, DAYS[2], version=1)
    ledgers.delivery(ledger, FEED, DAYS[2], version=2)
    ledgers.delivery(ledger, FEED, DAYS[3], version=1)
    ledgers.delivery(ledger, FEED, DAYS[3], version=2, status="refused", reason="r")
    ledgers.delivery(ledger, FEED, DAYS[4], version=1, status="refused", reason="r")
    ledgers.delivery(ledger, FEED, DAYS[4], version=2)

    assert states(asked, BEFORE_DEADLINE) == dict(
        zip(
            DAYS,
            [
                "not expected",
                "came",
                "corrected",
                "refused",
                "came",
                "missing",
                "awaited",
                "awaited",
            ],
            strict=True,
        )
    )
    assert states(asked, AFTER_DEADLINE)[DAYS[6]] == "missing"


def test_a_day_that_has_not_come_is_not_expected(asked: Settings, ledger: sa.Engine) -> None:
    ledgers.delivery(ledger, FEED, DAYS[0])

    found = states(asked, dt.datetime(2026, 3, 6, 9, tzinfo=dt.UTC))

    assert [found[day] for day in DAYS[4:]] == [
        "awaited",
        "awaited",
        "not expected",
        "not expected",
    ]


def test_two_sequences_of_a_day_are_no_correction(asked: Settings, ledger: sa.Engine) -> None:
    ledgers.delivery(ledger, FEED, DAYS[1], seq=1)
    ledgers.delivery(ledger, FEED, DAYS[1], seq=2)
    ledgers.delivery(ledger, FEED, DAYS[2], seq=1, status="refused", reason="r")
    ledgers.delivery(ledger, FEED, DAYS[2], seq=2)

    found = states(asked, AFTER_DEADLINE)

    assert (found[DAYS[1]], found[DAYS[2]]) == ("came", "refused")


def test_a_feed_that_never_came_is_missed_from_the_first_day_of_its_system(
    asked: Settings, ledger: sa.Engine
) -> None:
    ledgers.delivery(ledger, "shop.products", DAYS[3])

    found = states(asked, AFTER_DEADLINE)

    assert [found[day] for day in DAYS[2:5]] == ["not expected", "missing", "missing"]
    # Of a system that has never delivered only the last closed day is.
    other = states(asked, AFTER_DEADLINE, "completejourney.products")
    assert [other[day] for day in DAYS[5:7]] == ["not expected", "missing"]


def test_a_system_is_connected_by_its_folder_or_its_log(
    asked: Settings, ledger: sa.Engine, tmp_path: Path
) -> None:
    settings = asked.model_copy(update={"landing": tmp_path})
    assert not is_connected(settings, "shop")
    ledgers.delivery(ledger, FEED, DAYS[1])
    assert is_connected(settings, "shop")
    assert not is_connected(settings, "olist")
    (tmp_path / "olist").mkdir()
    assert is_connected(settings, "olist")


def test_what_lies_in_the_landing_folder_has_arrived(
    asked: Settings, ledger: sa.Engine, tmp_path: Path
) -> None:
    ledgers.delivery(ledger, FEED, DAYS[1])
    settings = asked.model_copy(update={"landing": tmp_path})
    folder = tmp_path / "shop" / "orders" / f"dt={DAYS[2]}"
    folder.mkdir(parents=True)
    (folder / "_DONE").touch()

    found = states(settings, AFTER_DEADLINE)

    assert (found[DAYS[2]], found[DAYS[3]]) == ("arrived", "missing")


def test_a_day_shows_files_versions_and_conservation(asked: Settings, ledger: sa.Engine) -> None:
    day, hostile = DAYS[1], "bill\u202egnp.csv"
    file = {"name": hostile, "sha256": "cd" * 32, "bytes": 7, "rows": 10}
    ledgers.delivery(ledger, FEED, day, files=[file])
    ledgers.delivery(ledger, FEED, day, version=2, status="refused", reason="budget")
    version = ledgers.published(ledger, "raw.shop__orders", day)
    figures = {"rows_in": 10, "rows_out": 8, "rows_quarantined": 2}
    money = {"money_in": {"total EUR": 1000}, "money_out": {"total EUR": 900}}
    none = {"rows_deduplicated": 0, "rows_out_of_scope": 0}
    key = {"version_id": version, "hop": "landing", "table_name": "raw.shop__orders", "dt": day}
    ledgers.insert(ledger, tables.conservation, [key | figures | money | none])
    ledgers.gate(
        ledger, "a", "share", passed=False, severity="warn", table_name="raw.shop__orders", dt=day
    )

    found = delivered(asked, FEED, day)

    assert [(v.version, v.status, v.counts) for v in found.versions] == [
        (2, "refused", False),
        (1, "accepted", True),
    ]
    # A sign that turns the rest of the line round is shown as what it is.
    assert [file.name for file in found.versions[1].files] == ["bill\\u202egnp.csv"]
    assert found.versions[1].files[0].archived == f"archive/cd/{'cd' * 32}"
    assert found.landed is not None
    assert found.landed.holds
    assert [(m.label, m.quarantined) for m in found.landed.money] == [("total EUR", 100)]
    assert [finding.rule for finding in found.findings] == ["share"]


def test_rows_that_went_missing_are_said_to_be(asked: Settings, ledger: sa.Engine) -> None:
    version = ledgers.published(ledger, "raw.shop__orders", DAYS[1])
    row = dict.fromkeys(("rows_deduplicated", "rows_out_of_scope", "rows_quarantined"), 0)
    key = {"version_id": version, "hop": "landing", "table_name": "raw.shop__orders", "dt": DAYS[1]}
    more = {"rows_in": 10, "rows_out": 9, "money_in": {}, "money_out": {}}
    ledgers.insert(ledger, tables.conservation, [row | key | more])

    landed = delivered(asked, FEED, DAYS[1]).landed

    assert landed is not None
    assert not landed.holds


@pytest.mark.parametrize(
    ("feed", "day"), [("shop.nothing", DAYS[0]), ("../etc", DAYS[0]), (FEED, "2026-02-30")]
)
def test_what_is_no_feed_or_no_day_is_refused(
    asked: Settings, ledger: sa.Engine, feed: str, day: str
) -> None:
    with pytest.raises(CountinghouseError):
        delivered(asked, feed, day)
