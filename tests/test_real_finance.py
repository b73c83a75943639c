"""The public files that come whole, through the whole path; the same totals as on DuckDB."""

from collections.abc import Iterator
from typing import Any

import pytest
import whole_files
from installations import another
from models.more_totals import LANDED, TOTALS
from models.readme_totals import Total

from countinghouse.engine_session import open_session
from countinghouse.runs.build import build
from countinghouse.runs.ingest import accept, contracts_of
from countinghouse.runs.land import land
from countinghouse.runs.report import RunReport
from countinghouse.settings import Settings

pytestmark = pytest.mark.skipif(not whole_files.present(), reason=whole_files.MISSING)

SELECTION = (
    *(f"staging.{system}" for system in whole_files.SYSTEMS),
    "fct_journal_lines",
    "rpt_unbalanced_journals",
    "dim_countries",
    "dim_country_currencies",
    "dim_currencies",
    "payments",
    "recommendation",
)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """One of its own: what looks at everything would take longer beside these files."""
    with another(tmp_path_factory.mktemp("real")) as settings:
        yield settings


@pytest.fixture(scope="module")
def built(installation: Any) -> RunReport:
    """Every file delivered, landed, and built in one plan."""
    whole_files.deliver_whole(installation.landing_root, *whole_files.SYSTEMS)
    accept(installation, whole_files.SYSTEMS)
    feeds = contracts_of(installation, whole_files.SYSTEMS)
    report = land(installation, feeds, run_id="files")
    report.add(build(installation, SELECTION, run_id="files"))
    return report


@pytest.fixture(scope="module")
def sql(installation: Any) -> Iterator[Any]:
    """Runs a query and returns its only row."""
    session = open_session(installation, name="test")
    yield lambda query: tuple(session.sql(query).collect()[0])
    session.stop()


@pytest.mark.parametrize("total", TOTALS, ids=lambda total: total.says)
def test_the_readmes_are_right(built: RunReport, sql: Any, total: Total) -> None:
    assert not built.failed, built.summary()
    assert sql(total.query) == total.expected


def test_every_row_of_every_file_is_landed(built: RunReport, sql: Any) -> None:
    counts = sql("select " + ", ".join(f"(select count(*) from raw.{feed})" for feed in LANDED))
    quarantined = sql(
        "select " + " + ".join(f"(select count(*) from quarantine.{feed})" for feed in LANDED)
    )

    assert dict(zip(LANDED, counts, strict=True)) == LANDED
    assert quarantined == (0,)


def test_the_namibian_code_is_no_missing_value(built: RunReport, sql: Any) -> None:
    assert sql(
        "select count(*), count_if(country_code is null) from raw.country_codes__countries "
        "where country_name = 'Namibia' and country_code = 'NA'"
    ) == (1, 0)


def test_undeclared_columns_of_the_country_file_are_kept(built: RunReport, sql: Any) -> None:
    assert sql(
        "select min(size(_extra)), max(size(_extra)), "
        "max(if(country_code = 'NA', _extra['TLD'], '')) from raw.country_codes__countries"
    ) == (42, 42, ".na")


def test_nothing_that_names_a_person_is_landed(built: RunReport, sql: Any) -> None:
    secrets = ("Jenny Rosen", "jenny@example.com", "5555555555", "1234 Fake Street", "_secret_")
    secrets += ("client_secret", "stripe.me/receipts")
    for feed in ("charges", "payment_methods", "payment_intents", "disputes"):
        (text,) = sql(f"select string(collect_list(to_json(struct(*)))) from raw.stripe__{feed}")
        assert "2026-03-01" in text
        assert [secret for secret in secrets if secret in text] == [], feed
    people = "select count(distinct entered_by), count_if(entered_by not like 'tok_%') from {}"
    assert sql(people.format("marts.fct_journal_lines")) == (23, 0)


def test_building_again_changes_nothing(built: RunReport, installation: Any) -> None:
    again = build(installation, SELECTION, run_id="again")

    assert (again.published, again.confirmed) == ([], [])
