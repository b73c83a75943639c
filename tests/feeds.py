"""A tiny declared feed, and its deliveries."""

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from countinghouse import deliveries
from countinghouse.contracts import Contract, read_contracts
from countinghouse.landing.columns import quarantine_columns, raw_columns
from countinghouse.landing.land import write_raw
from countinghouse.landing.result import LandedBatch

COLUMNS = {
    "id": "string",
    "line": "int",
    "amount": "decimal(18,3)",
    "currency": "string",
    "sold_at": "timestamp",
    "note": "string",
}
HEADER = "id,line,amount,currency,sold_at,note"


def declaration(system: str = "till", **changes: Any) -> dict[str, Any]:
    """A source with the event feed `sales`; `changes` go into its landing block."""
    columns = changes.pop("columns", COLUMNS)
    meta = changes.pop("meta", {"currency": {"nullable": False}, "sold_at": {"nullable": False}})
    landing = {
        "kind": "event",
        "keys": ["id", "line"],
        "business_date": {"column": "sold_at", "source_zone": "UTC", "zone": "UTC"},
        "max_lateness_days": 30,
        "refuse_above": 1,
        "money": {"amount": {"currency_column": "currency"}},
    } | changes
    return {
        "name": system,
        "tables": [
            {
                "name": "sales",
                "description": "Sales lines.",
                "config": {"meta": {"owner": "shops", "landing": landing}},
                "columns": [
                    {
                        "name": name,
                        "data_type": kind,
                        "description": name,
                        "config": {"meta": meta.get(name, {})},
                    }
                    for name, kind in columns.items()
                ],
            }
        ],
    }


def write_declaration(project: Path, *sources: Mapping[str, Any]) -> Path:
    """Put sources into a dbt project under `project`."""
    path = project / "dbt_project" / "models" / "sources.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"version": 2, "sources": list(sources)}, sort_keys=False))
    return path


def contract_of(project: Path, system: str = "till", **changes: Any) -> Contract:
    """The contract of that feed."""
    (contract,) = read_contracts(write_declaration(project, declaration(system, **changes)))
    return contract


def deliver(
    root: Path,
    contract: Contract,
    dt: str,
    content: bytes | str,
    *,
    name: str = "sales.csv",
    manifest: Mapping[str, Any] | None = None,
    seq: int | None = None,
) -> Path:
    """One complete delivery of one file; `manifest` holds `rows` and `control`, if announced."""
    folder = root / contract.system / contract.name / f"dt={dt}"
    folder = folder if seq is None else folder / f"seq={seq:02d}"
    folder.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(data)
    if manifest is None:
        (folder / "_DONE").touch()
    else:
        file = {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        (folder / "_manifest.json").write_text(json.dumps({"files": [file], **manifest}))
    return folder


@dataclass
class Landing:
    """Delivers, accepts and lands as ingestion does, each time into a directory of its own."""

    settings: Any
    ledger: Any
    session: Any
    folder: Path
    runs: int = 0

    def land(self, contract: Contract, content: Mapping[str, Any]) -> "Landed":
        """Deliver `{dt: content}` (a tuple: content and manifest) and land these dates."""
        settings = self.settings.model_copy(update={"landing": self.folder / "landing"})
        for dt, said in content.items():
            text, manifest = said if isinstance(said, tuple) else (said, None)
            deliver(settings.landing_root, contract, dt, text, manifest=manifest)
        for arrival in deliveries.discover(settings, contract):
            deliveries.accept(self.ledger, settings, contract, arrival)
        self.runs += 1
        root = self.folder / f"attempt-{self.runs}"
        current = deliveries.current(self.ledger, contract.feed, content)
        batch = write_raw(self.session, settings, contract, current, root)
        return Landed(contract, batch, root, self.session)


@dataclass
class Landed:
    """What landing wrote, ready to be looked at."""

    contract: Contract
    batch: LandedBatch
    root: Path
    session: Any

    @property
    def only(self) -> Any:
        """The one date that was landed."""
        (date,) = self.batch.dates.values()
        return date

    def raw(self) -> list[Any]:
        """Good rows, by date, file and number."""
        return self._rows(self.root / self.contract.feed.raw, raw_columns(self.contract))

    def quarantine(self) -> list[Any]:
        """Bad rows, by date, file and number."""
        return self._rows(self.root / self.contract.feed.quarantine, quarantine_columns())

    def frame(self) -> Any:
        """The good rows as a frame."""
        return self._frame(self.root / self.contract.feed.raw, raw_columns(self.contract))

    def _rows(self, folder: Path, columns: Any) -> list[Any]:
        return self._frame(folder, columns).orderBy("dt", "_delivery", "_row_number").collect()

    def _frame(self, folder: Path, columns: Any) -> Any:
        schema = ", ".join(f"`{c.name}` {c.type}" for c in columns)
        return self.session.read.schema(schema).parquet(str(folder))


def csv_of(*lines: str, header: str = HEADER) -> str:
    """A file of these lines."""
    return "".join(f"{line}\n" for line in (header, *lines))


def zipped(text: str) -> bytes:
    """A gzip file of a text."""
    return gzip.compress(text.encode(), mtime=0)
