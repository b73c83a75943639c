"""What an alert about a refused delivery tells: rows, a sample without persons, a command."""

import re
import uuid
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alerted import alerts
from feeds import contract_of, csv_of, deliver
from printed import parsed

from countinghouse import deliveries
from countinghouse.runs.land import land
from countinghouse.settings import Settings

DT = "2026-03-02"
LINES = [f"k{n},1,ten,EUR,2026-03-02T10:00:00Z,canary" for n in range(5)]
NO_PERSON = {"sold_at": {"nullable": False}}


@pytest.mark.parametrize("pii", ["none", "low", "high"])
def test_a_refusal_tells_rows_and_three_of_them_without_a_person(
    installation: Settings, ledger: sa.Engine, tmp_path: Path, pii: str
) -> None:
    found = refusal(installation, ledger, tmp_path, note={"pii": pii})
    assert found["rows"] == 5
    rows = found["sample"].split("; ")
    # The name of a file may be that of a person.
    file = r"#[0-9a-f]{16}" if pii == "high" else r"sales\.csv"
    assert len(rows) == 3
    for n, row in enumerate(rows, start=1):
        assert re.match(f"{file} row {n}: amount: ", row), row
    assert ("canary" in found["sample"]) == (pii == "none")
    assert ("k0" in found["sample"]) == (pii == "none")


def test_the_command_of_a_refusal_runs_as_printed(
    installation: Settings, ledger: sa.Engine, tmp_path: Path
) -> None:
    found = refusal(installation, ledger, tmp_path)
    name, given = parsed(found["command"])
    assert (name, len(given["systems"]), given["readmit"]) == ("land", 1, False)
    assert found["hint"].startswith("put a corrected delivery in place")


def refusal(
    installation: Settings, ledger: sa.Engine, folder: Path, **meta: dict[str, Any]
) -> dict[str, Any]:
    """The alert about a delivery of nothing but bad rows."""
    system = f"till_{uuid.uuid4().hex[:8]}"
    settings = installation.model_copy(update={"landing": folder / "landing"})
    contract = contract_of(folder, system, refuse_above=0, meta=NO_PERSON | meta)
    deliver(settings.landing_root, contract, DT, csv_of(*LINES))
    for arrival in deliveries.discover(settings, contract):
        deliveries.accept(ledger, settings, contract, arrival)
    assert land(settings, [contract], run_id="test").refused
    (found,) = alerts(settings, table=contract.feed.raw)
    return found
