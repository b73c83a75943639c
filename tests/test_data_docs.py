import datetime as dt
import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from countinghouse.gates import data_docs
from countinghouse.ledger import open_ledger, tables
from countinghouse.services import postgres
from countinghouse.settings import Settings

NOON = dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A ledger without an engine: the pages come from the ledger alone."""
    own = Settings(home=tmp_path_factory.mktemp("data_docs"))
    yield own
    postgres.stop(own)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[sa.Engine]:
    opened = open_ledger(settings)
    yield opened
    with opened.begin() as connection:
        connection.execute(tables.gate_results.delete())


def record(ledger: sa.Engine, attempt: str, minute: int, *, passed: bool, rule: str = "r") -> None:
    row = {
        "attempt_id": attempt,
        "table_name": "marts.fct_order_lines",
        "dt": "2026-01-03",
        "gate": "dbt",
        "rule": rule,
        "severity": "block",
        "passed": passed,
        "observed": {"unexpected_count": 0 if passed else 3},
        "evaluated_at": NOON + dt.timedelta(minutes=minute),
    }
    with ledger.begin() as connection:
        connection.execute(tables.gate_results.insert().values(row))


def attempts(ledger: sa.Engine) -> set[str]:
    return {page.attempt_id for page in data_docs.pages(ledger)}


def test_the_latest_result_of_a_table_has_a_page_and_older_ones_have_none(
    ledger: sa.Engine,
) -> None:
    record(ledger, "first", 0, passed=True)
    record(ledger, "second", 1, passed=True)
    assert attempts(ledger) == {"second"}


def test_recent_failures_keep_their_page_up_to_a_limit(
    ledger: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_docs, "RECENT_FAILURES", 2)
    for n in range(3):
        record(ledger, f"failed {n}", n, passed=False)
    record(ledger, "good", 9, passed=True)
    assert attempts(ledger) == {"failed 1", "failed 2", "good"}


def test_the_site_shows_rule_partition_and_counts_and_is_made_anew(
    settings: Settings, ledger: sa.Engine
) -> None:
    record(ledger, "blocked", 0, passed=False, rule="order_lines_are_unique")
    index = data_docs.generate_data_docs(settings)
    [page] = (index.parent / "validations").rglob("*.html")
    text = page.read_text()
    assert "2026-01-03, dbt: order_lines_are_unique" in text
    assert "unexpected_count 3" in text
    assert "Failed" in text
    assert f'href="{page.relative_to(index.parent).as_posix()}"' in index.read_text()
    # Read where nothing but this machine can be reached.
    for file in index.parent.rglob("*.html"):
        assert not re.search(r'(src|href)="https?:', file.read_text()), file

    record(ledger, "mended", 1, passed=True)
    data_docs.generate_data_docs(settings)
    assert len(list((index.parent / "validations").rglob("*.html"))) == 2
