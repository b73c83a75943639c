"""Every public data file under the contract that is inferred from it, landed by the real engine.

    python tests/infer_all.py

Infers a declaration for each file of ../shared/data (or COUNTINGHOUSE_TEST_DATA), makes the edits
that EDITS lists, lands the file as a feed of its own, and prints what landed and what is in
quarantine, beside the rows that the README of its folder states; then the table of
docs/infer-a-contract.md. Exit code 1 if a row is in quarantine or a number of rows differs. It
takes some minutes on two cores.
"""

import datetime as dt
import itertools
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installations import another

from countinghouse.contracts import Contract, read_contracts
from countinghouse.deliveries import ArchivedFile, Delivery, archive
from countinghouse.engine_session import open_session
from countinghouse.inference.infer import infer
from countinghouse.landing.land import write_raw
from countinghouse.settings import Settings

DATA = Path(
    os.environ.get(
        "COUNTINGHOUSE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"
    )
)
ENDS = (".csv", ".csv.gz", ".json.gz")
# `<folder>/<file>`: (text of the inferred YAML, text in its place), each edit that was needed.
EDITS: dict[str, list[tuple[str, str]]] = {}
_THREADS = 3
_STATED = re.compile(r"^\| (?P<name>[^|]+) \| [0-9]+ \| (?P<rows>[0-9]+|-) \|", re.M)
_positions = itertools.count(1)


@dataclass(frozen=True)
class Outcome:
    """What became of a file; `stated` are the rows in its README, None where it states none."""

    file: str
    stated: int | None
    rows: int
    landed: int
    reasons: dict[str, int]
    refusals: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Whether every row landed, and all that the README states."""
        said = self.rows if self.stated is None else self.stated
        return not self.refusals and not self.reasons and self.landed == self.rows == said


def data_files(root: Path = DATA) -> list[Path]:
    """Every data file, by folder and name."""
    return sorted(path for path in root.glob("*/*") if path.name.endswith(ENDS))


def stated_rows(root: Path = DATA) -> dict[str, int | None]:
    """Rows by `<folder>/<file>`, as the tables of files in the READMEs state them."""
    return {
        f"{readme.parent.name}/{match['name']}": None
        if match["rows"] == "-"
        else int(match["rows"])
        for readme in sorted(root.glob("*/README.md"))
        for match in _STATED.finditer(readme.read_text(encoding="utf-8"))
    }


def name_of(path: Path) -> str:
    """`<folder>/<file>`."""
    return f"{path.parent.name}/{path.name}"


def inferred_contract(path: Path, folder: Path) -> Contract:
    """The contract that is inferred from a file, edited as EDITS says, read back from its YAML."""
    text = infer([path]).yaml()
    for old, new in EDITS.get(name_of(path), []):
        if text.count(old) != 1:
            raise ValueError(f"{name_of(path)}: {old!r} stands {text.count(old)} times, not once")
        text = text.replace(old, new)
    declared = folder / f"{path.parent.name}.{path.name}.yml"
    declared.write_text(text, encoding="utf-8")
    (contract,) = read_contracts(declared)
    return contract


def landed(session: Any, settings: Settings, path: Path, stated: int | None) -> Outcome:
    """Land a file as the only delivery of its feed, today's."""
    folder = settings.home / "inferred" / path.parent.name / path.name
    folder.mkdir(parents=True)
    contract = inferred_contract(path, folder)
    sha256, size = archive.store(settings, path)
    day = dt.date.today().isoformat()
    files = (ArchivedFile(path.name, sha256, size),)
    delivery = Delivery(next(_positions), contract.feed, day, 1, 1, sha256, files, {})
    batch = write_raw(session, settings, contract, {day: [delivery]}, folder / "attempt")
    date = batch.dates[day]
    rows = sum(each.landed.rows for each in date.deliveries)
    told = tuple(refusal.reason for refusal in date.refusals)
    return Outcome(name_of(path), stated, date.rows_in, rows, dict(date.quarantined), told)


def main() -> None:
    """Land all files, print figures, exit 1 on any difference."""
    with tempfile.TemporaryDirectory() as folder, another(Path(folder) / "home") as settings:
        outcomes = list(_all_landed(settings, data_files()))
    _print_totals(outcomes)
    sys.exit(0 if outcomes and all(outcome.right for outcome in outcomes) else 1)


def _all_landed(settings: Settings, files: Sequence[Path]) -> Iterator[Outcome]:
    stated = stated_rows()
    session = open_session(settings, name="infer_all")
    with ThreadPoolExecutor(_THREADS) as pool:
        done = pool.map(lambda f: landed(session, settings, f, stated.get(name_of(f))), files)
        for outcome in done:
            _print(outcome)
            yield outcome
    session.stop()


def _print(outcome: Outcome) -> None:
    bad = sum(outcome.reasons.values())
    said = "-" if outcome.stated is None else outcome.stated
    verdict = "" if outcome.right else f"  WRONG {outcome.reasons} {outcome.refusals}"
    print(
        f"{outcome.file}: {outcome.rows} in, {outcome.landed} landed, {bad} quarantined, "
        f"{said} stated, {len(EDITS.get(outcome.file, []))} edits{verdict}",
        flush=True,
    )


def _print_totals(outcomes: Sequence[Outcome]) -> None:
    print("\n| data set | files | rows stated | rows landed | in quarantine | edits |")
    print("|---|---|---|---|---|---|")
    by_folder: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_folder.setdefault(outcome.file.partition("/")[0], []).append(outcome)
    for folder, found in by_folder.items():
        print(_total(folder, found))
    print(_total("all", outcomes))
    reasons = sum((Counter(outcome.reasons) for outcome in outcomes), Counter[str]())
    for reason, rows in reasons.most_common():
        print(f"{reason}: {rows}")


def _total(name: str, outcomes: Sequence[Outcome]) -> str:
    cells = (
        len(outcomes),
        sum(outcome.stated or 0 for outcome in outcomes),
        sum(outcome.landed for outcome in outcomes),
        sum(sum(outcome.reasons.values()) for outcome in outcomes),
        sum(len(EDITS.get(outcome.file, [])) for outcome in outcomes),
    )
    return f"| {name} | " + " | ".join(f"{cell:,}" for cell in cells) + " |"


if __name__ == "__main__":
    main()
