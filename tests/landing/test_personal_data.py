"""Nothing that identifies a person is anywhere but in the archive, whatever came and went wrong."""

import json
import logging
import os
import shutil
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import persons
import pyarrow.parquet as pq
import pytest
from feeds import contract_of, deliver
from ledger_text import texts_of
from persons import NEEDLES, SYSTEM
from typer.testing import CliRunner

from countinghouse import docs
from countinghouse.cli import app
from countinghouse.contracts import load_contracts
from countinghouse.errors import ContractError
from countinghouse.landing.treatments import PII_KEY, hashed, revealed, tokenised
from countinghouse.ledger import open_ledger
from countinghouse.runs import ingest
from countinghouse.runs.build import build
from countinghouse.runs.land import land
from countinghouse.runs.report import RunReport
from countinghouse.settings import Settings

GOOD, GATED = "2026-03-10", "2026-03-11"
REFUSED = [f"2026-03-{day}" for day in range(12, 23)]
REPOSITORY = Path(__file__).resolve().parents[2]
# What holds the deliveries themselves, or the key.
CLOSED = ("archive", "landing", "secrets")


class Everything:
    """What became of the deliveries: reports, logs, printed answers, and when it began."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.began = time.time()
        self.reports: list[RunReport] = []
        self.said: list[str] = []

    def ask(self, *words: str) -> str:
        """What a command prints."""
        done = CliRunner().invoke(app, list(words))
        self.said.append(done.output + str(done.exception))
        return done.stdout

    def values(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.ask("sql", "--json", "--limit=500", query))
        return found


class _Kept(logging.Handler):
    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(self.format(record))


@pytest.fixture(scope="module")
def everything(
    installation: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Everything]:
    """All deliveries accepted, landed, gated, staged, documented and asked about."""
    root = tmp_path_factory.mktemp("persons")
    source = REPOSITORY / "dbt_project"
    skipped = shutil.ignore_patterns("models", "target", "logs")
    shutil.copytree(source, root / "dbt_project", ignore=skipped)
    persons.declare(root)
    shutil.copy(REPOSITORY / "tests/dbt/models/plan.yml", root / "dbt_project/models/plan.yml")
    changes = {"project": root, "landing": root / "landing"}
    found = Everything(installation.model_copy(update=changes))
    handler = _Kept(found.said)
    logging.getLogger().addHandler(handler)
    patched = pytest.MonkeyPatch()
    for module in ("cli_data", "cli_questions", "cli_quarantine", "cli_reveal"):
        patched.setattr(f"countinghouse.cli.{module}.load", lambda: found.settings)
    try:
        _go_through(found)
        yield found
    finally:
        patched.undo()
        logging.getLogger().removeHandler(handler)


def _go_through(found: Everything) -> None:
    settings, contracts = found.settings, load_contracts(found.settings.project)
    for feed, day, name, content, manifest in persons.deliveries(GOOD, GATED, REFUSED):
        contract = contracts[f"{SYSTEM}.{feed}"]
        deliver(settings.landing_root, contract, day, content, name=name, manifest=manifest)
    customers = settings.landing_root / SYSTEM / "customers"
    (customers / f"dt={persons.NAME}").mkdir()
    deliver(settings.landing_root, contracts[f"{SYSTEM}.customers"], REFUSED[-1], "")
    (customers / f"dt={REFUSED[-1]}" / f"seq={persons.NAME}").mkdir()
    _land(found)
    found.reports.append(build(settings, [f"staging.{SYSTEM}"], run_id="persons"))
    good = [persons.row("a", GOOD, "3.00"), persons.row("new", GOOD)]
    mended = persons.csv(*good, persons.bad_rows(GOOD)[0])
    deliver(settings.landing_root, contracts[f"{SYSTEM}.customers"], GOOD, mended, name="mended")
    (customers / f"dt={GOOD}" / f"of {persons.NAME}.csv").unlink()
    _land(found)
    found.said += [str(page) for page in docs.generate(settings)]
    table = f"raw.{SYSTEM}__customers"
    new, old = [p["version_id"] for p in json.loads(found.ask("history", table, GOOD, "--json"))]
    for words in (
        ["history", table],
        ["lineage", table, GOOD],
        ["diff", table, GOOD, old, new],
        ["stale", "--why"],
        ["quarantine", "list"],
        ["quarantine", "show", f"{SYSTEM}.calls", "--json"],
        ["land", SYSTEM, "--readmit"],
    ):
        found.ask(*words)


def _land(found: Everything) -> None:
    problems = ingest.accept(found.settings, [SYSTEM])
    assert {problem.rule for problem in problems} <= {"delivery accepted"}
    found.said.append(repr(problems))
    contracts = ingest.contracts_of(found.settings, [SYSTEM])
    found.reports.append(land(found.settings, contracts, run_id="persons"))


def hits(name: str, content: bytes) -> list[str]:
    low = content.lower()
    return [f"{name}: {needle.decode()}" for needle in NEEDLES if needle in low]


def test_fault_95_everything_happened_that_could_tell_of_a_person(everything: Everything) -> None:
    """Without this the tests below could pass on nothing."""
    first, staged, _ = everything.reports
    log = "\n".join([*everything.said, *map(repr, everything.reports)])
    for said in ("no column 'id'", "stands twice", "rows are bad", "gzip", "undeclared: 2"):
        assert said in log, said
    for said in (
        "does not match",
        "has not come",
        "no money column",
        "Extra inputs",
        "not a regular file",
    ):
        assert said in log, said
    assert "not a delivery: " in log
    assert [b.dt for b in first.blocked if b.table.startswith("raw.")] == [GATED]
    assert [(b.dt, b.rule) for b in staged.blocked] == [(GOOD, "amounts_are_small")]
    assert '"reason": "keys: conflicting copies"' in log
    alerts = (everything.settings.logs / "alerts.jsonl").read_text()
    assert f"{SYSTEM}__customers" in alerts
    quarantined = everything.values(f"select _reason, _raw from quarantine.{SYSTEM}__calls")
    assert len(quarantined) == len(persons.bad_rows(GOOD))
    assert {row["_raw"] for row in quarantined} == {None}


def test_fault_95_no_report_log_or_answer_tells_of_a_person(everything: Everything) -> None:
    told = "\n".join([*everything.said, *map(repr, everything.reports)])
    assert hits("told", told.encode()) == []
    assert everything.said


def test_fault_95_no_table_holds_a_person(everything: Everything) -> None:
    found = []
    for feed in persons.FORMATS:
        for schema in ("raw", "quarantine"):
            rows = everything.values(f"select * from {schema}.{SYSTEM}__{feed}")
            assert rows, (schema, feed)
            found += hits(f"{schema}.{feed}", json.dumps(rows, ensure_ascii=False).encode())
    assert found == []


def test_fault_95_no_file_holds_a_person(everything: Everything) -> None:
    found, seen = [], 0
    for folder, folders, files in os.walk(everything.settings.home):
        if folder == str(everything.settings.home):
            folders[:] = [name for name in folders if name not in CLOSED]
        for path in (Path(folder) / name for name in files):
            try:
                if not path.is_file() or path.stat().st_mtime < everything.began - 1:
                    continue
                content = path.read_bytes()
            except FileNotFoundError:
                continue
            seen += 1
            found += hits(f"{path} (name)", str(path).encode()) + hits(str(path), content)
            if content.startswith(b"PAR1") and content.endswith(b"PAR1"):
                found += hits(f"{path} (rows)", str(pq.read_table(path).to_pylist()).encode())
    assert found == []
    assert seen > 50


def test_fault_95_no_table_of_postgresql_holds_a_person(everything: Everything) -> None:
    texts = texts_of(open_ledger(everything.settings))
    assert len(texts["ops.deliveries"].splitlines()) >= 15
    assert [hit for name, text in texts.items() for hit in hits(name, text.encode())] == []


def test_fault_95_the_pages_of_the_engine_tell_of_no_person(everything: Everything) -> None:
    root = f"http://127.0.0.1:{everything.settings.spark_ui_port}/api/v1/applications"
    with urllib.request.urlopen(root) as answer:
        application = json.loads(answer.read())[0]["id"]
    for page in ("sql?details=true&planDescription=true&length=50", "jobs", "environment"):
        with urllib.request.urlopen(f"{root}/{application}/{page}") as answer:
            assert hits(page, answer.read()) == []


def test_fault_95_each_value_is_treated_as_declared(everything: Everything) -> None:
    secret = everything.settings.secret(PII_KEY).encode()
    (row,) = everything.values(f"select * from raw.{SYSTEM}__customers where id = 'new'")
    assert row["name"] == hashed(secret, persons.NAME)
    assert row["mail"] == hashed(secret, persons.MAIL)
    assert row["pan"] is None
    assert revealed(secret, row["phone"]) == persons.PHONE
    assert everything.settings.secret(PII_KEY) not in "\n".join(everything.said)


def test_fault_95_undeclared_columns_are_hashed_and_named_by_words_only(
    everything: Everything,
) -> None:
    secret = everything.settings.secret(PII_KEY).encode()
    rows = everything.values(f"select id, _extra from raw.{SYSTEM}__visits order by id")
    extra = {row["id"]: row["_extra"] for row in rows}
    assert extra["j"] == {}
    assert set(extra["k"]) == {"nickname", "contact"}
    assert extra["k"]["nickname"] == hashed(secret, persons.NAME)
    assert [name[0] for name in extra["l"]] == ["#", "#"]


def test_fault_95_a_token_is_revealed_by_the_command_where_its_key_is(
    everything: Everything, capsys: Any
) -> None:
    token = tokenised(everything.settings.secret(PII_KEY).encode(), "Somebody Else")
    done = CliRunner().invoke(app, ["reveal", token])
    assert (done.exit_code, done.stdout) == (0, "Somebody Else\n")
    foreign = tokenised(b"another key", "Somebody Else")
    for wrong in (foreign, token[:-2], "tok_", "Somebody", hashed(b"k", "Somebody"), "tok_\u00e9"):
        done = CliRunner().invoke(app, ["reveal", "--", wrong])
        assert "no token of this installation's key" in str(done.exception), wrong
        assert "what to do:" in str(done.exception)


def test_fault_95_hashes_and_tokens_follow_from_value_and_key_alone() -> None:
    one, other = b"one key", b"another key"
    assert hashed(one, persons.NAME) == hashed(one, f" {persons.NAME} ")
    assert tokenised(one, "Zoe\u0308") == tokenised(one, "Zo\u00eb")
    assert hashed(one, persons.NAME) != hashed(other, persons.NAME)
    assert tokenised(one, persons.NAME) != tokenised(other, persons.NAME)
    assert hashed(one, persons.PAN) != hashed(one, persons.PAN[:-1] + "8")
    assert revealed(one, tokenised(one, "Zo\u00eb")) == "Zo\u00eb"


@pytest.mark.parametrize("treatment", ["hash", "tokenise", "drop"])
def test_fault_95_a_column_that_is_treated_makes_its_feed_quote_nothing(
    tmp_path: Path, treatment: str
) -> None:
    assert contract_of(tmp_path, meta={"note": {}}).keeps_raw_text
    assert not contract_of(tmp_path, meta={"note": {"treatment": treatment}}).keeps_raw_text


def test_fault_95_what_identifies_a_person_cannot_be_declared_as_kept(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="is not kept as it came"):
        contract_of(tmp_path, meta={"note": {"pii": "high", "treatment": "keep"}})
