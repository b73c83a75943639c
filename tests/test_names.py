"""Names and dates from outside: refused before anything is touched, and counted as calendars do."""

import datetime as dt
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from countinghouse import gates, names
from countinghouse.cli import app
from countinghouse.errors import BadName, CountinghouseError
from countinghouse.ledger.holds import Hold
from countinghouse.publishing import branch, rollback
from countinghouse.questions import history, lineage
from countinghouse.runs import build, ingest
from countinghouse.services import control
from countinghouse.settings import Settings

DAY, TABLE = "2026-01-01", "marts.rpt_sales_daily"
HOSTILE = [
    "../../etc",
    "..",
    "/etc/passwd",
    "%2e%2e",
    "%2e%2e%2fetc",
    "dt=2026-01-01/../x",
    "2026-01-01/../x",
    "2026-01-01\x00",
    "2026-01-01\n",
    "2026-01-01 ",
    "\uff12\uff10\uff12\uff16-01-01",
    "2026-W01-1",
    "20260101",
    "2026-02-30",
    "0000-00-00",
    "a" * 300,
    "marts." + "a" * 300,
    "marts.x/../../y",
    "marts.x\x00",
    "marts.x\n",
    "marts..x",
    "Marts.X",
    "x'; DROP TABLE marts.x; --",
    "marts.x`; drop table marts.x",
    'marts."x"',
    "marts.x;",
    "$(touch x)",
    "`touch x`",
    "-rf",
    "--version",
    "",
    " ",
    "\uff4darts.\uff58",
    "a\u202eb",
]
hostile = st.sampled_from(HOSTILE) | st.text(max_size=40)
Call = Callable[[Settings, str], object]

# Every way into the library on which a date, table, system, feed or component comes from outside.
OF_A_DATE: dict[str, Call] = {
    "history": lambda s, dt: history.history(s, TABLE, dt),
    "diff": lambda s, dt: history.diff(s, TABLE, dt, "a", "b"),
    "lineage": lambda s, dt: lineage.lineage(s, TABLE, dt),
    "rollback": lambda s, dt: rollback.rollback(s, TABLE, dt, hold=Hold("r", "o")),
    "release": lambda s, dt: rollback.release(s, TABLE, dt),
    "build from": lambda s, dt: build.build(s, ["commerce"], dt, run_id="r"),
    "build to": lambda s, dt: build.build(s, ["commerce"], DAY, dt, run_id="r"),
    "ingest": lambda s, dt: ingest.ingest(s, "shop", dt, run_id="r"),
    "missing": lambda s, dt: ingest.missing_deliveries(s, "shop", dt),
    "refused": lambda s, dt: ingest.refused(s, "shop", dt),
    "range": lambda s, dt: names.dates_between(dt, DAY),
    "partition": lambda s, dt: names.partition(dt),
}
OF_A_TABLE: dict[str, Call] = {
    "history": lambda s, table: history.history(s, table),
    "diff": lambda s, table: history.diff(s, table, DAY, "a", "b"),
    "lineage": lambda s, table: lineage.lineage(s, table, DAY),
    "rollback": lambda s, table: rollback.rollback(s, table, DAY, hold=Hold("r", "o")),
    "release": lambda s, table: rollback.release(s, table, DAY),
    "suite": lambda s, table: gates.declared_suite(s.project, table),
    "feed": lambda s, feed: names.Feed.parse(feed),
}
OF_ONE_WORD: dict[str, Call] = {
    "ingest": lambda s, system: ingest.ingest(s, system, DAY, run_id="r"),
    "accept": lambda s, system: ingest.accept(s, [system]),
    "connected": ingest.is_connected,
    "missing": lambda s, system: ingest.missing_deliveries(s, system, DAY),
    "refused": lambda s, system: ingest.refused(s, system, DAY),
    "feed": lambda s, system: names.Feed(system, "orders"),
    "name of a feed": lambda s, name: names.Feed("shop", name),
    "branch": lambda s, attempt: branch.branch_schema(attempt),
    "drop a branch": lambda s, schema: branch.drop(Nobody(), schema),
    "logs": lambda s, component: control.log_files(s, component),
}
OF_THE_COMMAND_LINE = [
    ["history", "--", TABLE, "{}"],
    ["lineage", "--", TABLE, "{}"],
    ["release", "--", TABLE, "{}"],
    ["rollback", "--reason=r", "--", TABLE, "{}"],
    ["diff", "--", TABLE, "{}", "a", "b"],
    ["build", "commerce", "--from={}"],
    ["build", "commerce", "--to={}"],
    ["history", "--", "{}"],
    ["lineage", "--", "{}", DAY],
    ["release", "--", "{}", DAY],
    ["rollback", "--reason=r", "--", "{}", DAY],
    ["diff", "--", "{}", DAY, "a", "b"],
    ["land", "--", "{}"],
    ["logs", "--", "{}"],
    ["stale", "--", "{}"],
    ["build", "--", "{}"],
]


class Nobody:
    """A session that must not be asked anything."""

    def sql(self, statement: str) -> None:
        raise AssertionError(statement)


@pytest.fixture(scope="module")
def nowhere(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation that nobody has begun: whatever touches it leaves a trace."""
    return Settings(home=tmp_path_factory.mktemp("nowhere") / "home")


def is_date(text: str) -> bool:
    try:
        return len(text) == 10 and dt.datetime.strptime(text, "%Y-%m-%d").date().isoformat() == text
    except ValueError:
        return False


def is_word(text: str) -> bool:
    allowed = string.ascii_lowercase + string.digits + "_-"
    return 0 < len(text) <= 63 and text[0] in string.ascii_lowercase and not set(text) - {*allowed}


def refuses(call: Call, settings: Settings, value: str) -> None:
    with pytest.raises(BadName) as refusal:
        call(settings, value)
    assert refusal.value.remedy
    assert len(refusal.value.message) < 200
    assert refusal.value.message.isprintable()
    assert not settings.home.exists()


def _property(test: Any) -> Any:
    checked = settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    return checked(given(value=hostile)(test))


@pytest.mark.parametrize("call", OF_A_DATE.values(), ids=OF_A_DATE)
@_property
def test_fault_91_a_hostile_date_is_refused_before_anything_is_touched(
    nowhere: Settings, call: Call, value: str
) -> None:
    assume(not is_date(value) and value != names.WHOLE)
    refuses(call, nowhere, value)


@pytest.mark.parametrize("call", OF_A_TABLE.values(), ids=OF_A_TABLE)
@_property
def test_fault_91_a_hostile_table_is_refused_before_anything_is_touched(
    nowhere: Settings, call: Call, value: str
) -> None:
    assume(not all(is_word(part) for part in value.split(".", 1)) or "." not in value)
    refuses(call, nowhere, value)


@pytest.mark.parametrize("call", OF_ONE_WORD.values(), ids=OF_ONE_WORD)
@_property
def test_fault_91_a_hostile_system_or_component_is_refused_before_anything_is_touched(
    nowhere: Settings, call: Call, value: str
) -> None:
    assume(not is_word(value))
    if call is OF_ONE_WORD["branch"]:
        # Its own prefix stands in front.
        assume(set(value) - {*string.ascii_lowercase, *string.digits, "_", "-"})
    refuses(call, nowhere, value)


@pytest.mark.parametrize("words", OF_THE_COMMAND_LINE, ids=" ".join)
def test_fault_91_hostile_arguments_of_commands_have_no_effect(
    nowhere: Settings, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    for module in ("cli_data", "cli_questions"):
        monkeypatch.setattr(f"countinghouse.cli.{module}.load", lambda: nowhere)
    monkeypatch.setattr("countinghouse.settings.load", lambda: nowhere)
    for value in HOSTILE:
        told = CliRunner().invoke(app, [word.replace("{}", value) for word in words])
        refused = isinstance(told.exception, CountinghouseError)
        assert refused or told.exit_code == 2, (value, told.exception, told.output)
        assert not nowhere.home.exists(), value


def test_fault_87_days_and_months_are_those_of_the_calendar() -> None:
    assert names.plus_days("2024-02-28", 1) == "2024-02-29"
    assert names.plus_days("2024-03-01", -1) == "2024-02-29"
    assert names.plus_days("2023-02-28", 1) == "2023-03-01"
    assert names.plus_days("2023-12-31", 1) == "2024-01-01"
    assert len(names.dates_between("2024-01-01", "2024-12-31")) == 366
    assert names.dates_between("2020-12-30", "2021-01-04") == [
        "2020-12-30", "2020-12-31", "2021-01-01", "2021-01-02", "2021-01-03", "2021-01-04",
    ]  # fmt: skip
    assert {names.month_of(day) for day in names.dates_between("2024-02-01", "2024-02-29")} == {
        "2024-02-01"
    }
    with pytest.raises(BadName, match="check the calendar"):
        names.date("2023-02-29")


@given(day=st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31)), days=st.integers(-800, 800))
def test_fault_87_there_and_back_is_the_same_day(day: dt.date, days: int) -> None:
    there = names.plus_days(day.isoformat(), days)
    assert names.plus_days(there, -days) == day.isoformat()
    assert there == (day + dt.timedelta(days)).isoformat()
    assert names.month_of(there) <= there < names.plus_days(names.month_of(there), 31)
