"""A feed of its own for a test: deliver, accept, land."""

import uuid
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from feeds import HEADER, contract_of, csv_of, deliver

from countinghouse import deliveries
from countinghouse.contracts import Contract
from countinghouse.engine_session import open_session
from countinghouse.runs.land import land
from countinghouse.runs.report import RunReport
from countinghouse.settings import Settings

DT = "2026-03-02"
GOOD = "a,1,10.00,EUR,2026-03-02T23:30:00Z,x"
BAD = "b,1,ten,EUR,2026-03-02T10:00:00Z,x"


class Till:
    """A feed of its own: deliver, accept, land."""

    def __init__(self, settings: Settings, ledger: sa.Engine, folder: Path) -> None:
        self.settings = settings.model_copy(update={"landing": folder / "landing"})
        self.ledger = ledger
        self.folder = folder
        self.system = f"till_{uuid.uuid4().hex[:8]}"

    def contract(self, **changes: Any) -> Contract:
        return contract_of(self.folder / uuid.uuid4().hex, self.system, **changes)

    def deliver(self, contract: Contract, *lines: str, header: str = HEADER) -> None:
        deliver(self.settings.landing_root, contract, DT, csv_of(*lines, header=header))
        for arrival in deliveries.discover(self.settings, contract):
            deliveries.accept(self.ledger, self.settings, contract, arrival)

    def landed(self, *lines: str) -> Contract:
        contract = self.contract()
        self.deliver(contract, *lines)
        assert not self.land(contract).failed
        return contract

    def land(self, *contracts: Contract) -> RunReport:
        return land(self.settings, contracts, run_id=f"test {self.system}")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a reader sees, in a session of its own."""
        session = open_session(self.settings, name="test")
        try:
            return [tuple(row) for row in session.sql(query).collect()]
        finally:
            session.stop()
