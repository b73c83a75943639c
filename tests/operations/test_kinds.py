"""Change logs and restated reports, landed and published through the engine."""

import uuid
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from feeds import contract_of, csv_of, deliver

from countinghouse import deliveries
from countinghouse.contracts import Contract
from countinghouse.ledger.state import load_state
from countinghouse.planning.planner import State
from countinghouse.runs.land import land
from countinghouse.runs.report import RunReport
from countinghouse.settings import Settings

LOG = {
    "id": "string",
    "lsn": "bigint",
    "op": "string",
    "name": "string",
    "changed_at": "timestamp",
}
REPORT = {"campaign": "string", "hour": "timestamp", "clicks": "bigint"}
NEEDED = {"nullable": False}


class Source:
    """One feed of a system of its own."""

    def __init__(self, settings: Settings, ledger: sa.Engine, folder: Path) -> None:
        self.settings = settings.model_copy(update={"landing": folder / "landing"})
        self.ledger = ledger
        self.folder = folder
        self.system = f"source_{uuid.uuid4().hex[:8]}"

    def change_log(self, **changes: Any) -> Contract:
        said = {"position": "lsn", "operation": "op", "contiguous": True} | changes
        return contract_of(
            self.folder / uuid.uuid4().hex,
            self.system,
            kind="change_log",
            columns=LOG,
            meta={"lsn": NEEDED, "op": NEEDED | {"allowed": ["I", "U", "D"]}},
            keys=["id"],
            business_date={"column": "changed_at"},
            money=None,
            changes=said,
        )

    def report(self) -> Contract:
        return contract_of(
            self.folder / uuid.uuid4().hex,
            self.system,
            kind="restated_report",
            restates_days=2,
            columns=REPORT,
            meta={},
            keys=["campaign", "hour"],
            business_date={"column": "hour"},
            max_lateness_days=None,
            money=None,
        )

    def land(self, contract: Contract, dt: str, *lines: str, seq: int | None = None) -> RunReport:
        header = ",".join(column.name for column in contract.columns)
        root = self.settings.landing_root
        deliver(root, contract, dt, csv_of(*lines, header=header), seq=seq)
        for arrival in deliveries.discover(self.settings, contract):
            deliveries.accept(self.ledger, self.settings, contract, arrival)
        return land(self.settings, [contract], run_id=f"test {self.system}")

    def state(self) -> State:
        with self.ledger.connect() as connection:
            return load_state(connection)


@pytest.fixture
def source(installation: Settings, ledger: sa.Engine, tmp_path: Path) -> Source:
    return Source(installation, ledger, tmp_path)


def change(lsn: int, day: str, op: str = "U") -> str:
    return f"c{lsn % 3},{lsn},{op},n,{day} 10:00:00"


def test_deliveries_behind_a_missing_position_are_held_until_it_comes(source: Source) -> None:
    contract = source.change_log()
    raw = contract.feed.raw
    assert not source.land(
        contract, "2026-03-02", change(1, "2026-03-02"), change(2, "2026-03-02")
    ).failed
    report = source.land(contract, "2026-03-04", change(5, "2026-03-04"), change(4, "2026-03-04"))
    assert [(b.rule, b.dt) for b in report.blocked] == [("positions without gaps", "2026-03-04")]
    assert report.blocked[0].message == "position 3 is missing; held: dt=2026-03-04"
    assert (raw, "2026-03-04") in report.published
    assert sorted(source.state().slices[raw]) == ["2026-03-02"]

    late = source.land(contract, "2026-03-03", change(3, "2026-03-03", "D"))
    assert not late.failed
    assert sorted(source.state().slices[raw]) == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert source.state().gaps.get(raw) is None


def test_positions_that_will_never_come_are_declared(source: Source) -> None:
    contract = source.change_log()
    source.land(contract, "2026-03-02", change(1, "2026-03-02"))
    assert source.land(contract, "2026-03-03", change(4, "2026-03-03")).failed
    declared = source.change_log(known_missing=[[2, 3]])
    assert not land(source.settings, [declared], run_id="declared").failed
    assert sorted(source.state().slices[declared.feed.raw]) == ["2026-03-02", "2026-03-03"]


def test_a_change_log_that_is_landed_again_moves_no_pointer(source: Source) -> None:
    contract = source.change_log(known_missing=[[2, 3]])
    lines = change(1, "2026-03-02"), change(4, "2026-03-02")
    assert not source.land(contract, "2026-03-02", *lines).failed
    again = [(contract.feed.raw, "2026-03-02")]

    report = land(source.settings, [contract], run_id="again", again=again)

    assert (report.published, report.failed) == ([], False)


def test_two_changes_of_one_position_that_differ_are_both_bad(source: Source) -> None:
    contract = source.change_log()
    twice = [change(1, "2026-03-02"), change(1, "2026-03-02").replace(",n,", ",other,")]
    source.land(contract, "2026-03-02", *twice, change(2, "2026-03-02"))
    published = source.state().published
    assert published[contract.feed.raw]["2026-03-02"].rows == 1
    assert published[contract.feed.quarantine]["2026-03-02"].rows == 2


def test_a_report_states_the_days_of_its_window_also_those_without_rows(source: Source) -> None:
    contract = source.report()
    source.land(contract, "2026-03-03", "a,2026-03-01 10:00:00,5", "a,2026-03-03 10:00:00,7")
    slices = source.state().slices[contract.feed.raw]
    assert sorted(slices) == ["2026-03-01", "2026-03-02", "2026-03-03"]
    source.land(contract, "2026-03-05", "a,2026-03-05 10:00:00,1")
    slices = source.state().slices[contract.feed.raw]
    assert {day: pieces[-1].delivery_dt for day, pieces in slices.items()} == {
        "2026-03-01": "2026-03-03",
        "2026-03-02": "2026-03-03",
        "2026-03-03": "2026-03-05",
        "2026-03-04": "2026-03-05",
        "2026-03-05": "2026-03-05",
    }


def test_a_row_before_the_window_is_quarantined(source: Source) -> None:
    contract = source.report()
    source.land(contract, "2026-03-05", "a,2026-03-02 10:00:00,5", "a,2026-03-03 10:00:00,7")
    published = source.state().published
    assert published[contract.feed.raw]["2026-03-05"].rows == 1
    assert published[contract.feed.quarantine]["2026-03-05"].rows == 1


def test_of_several_reports_on_one_day_the_last_one_counts(source: Source) -> None:
    contract = source.report()
    source.land(contract, "2026-03-05", "a,2026-03-04 10:00:00,5", seq=1)
    one = source.state().slices[contract.feed.raw]["2026-03-04"][-1].digest
    source.land(contract, "2026-03-05", "a,2026-03-05 10:00:00,5", seq=2)
    slices = source.state().slices[contract.feed.raw]
    empty = slices["2026-03-03"][-1].digest
    assert slices["2026-03-04"][-1].digest == empty != one
