"""Great Expectations' Data Docs from the ledger: each table's latest gate, and recent failures.

The pages are made anew each time: a site that is added to grows by two files per validation, and
every validation takes longer than the one before.
"""

import shutil
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from countinghouse.gates import data_docs_offline, gx_run
from countinghouse.gates.data_docs_page import Page
from countinghouse.ledger import open_ledger
from countinghouse.ledger.tables import gate_results as rows
from countinghouse.settings import Settings

# Failed gates that keep their page, newest first.
RECENT_FAILURES = 50


def generate_data_docs(settings: Settings) -> Path:
    """Write the site under `home/docs/data_docs`; returns its first page."""
    site = settings.home / "docs" / "data_docs"
    fresh = site.with_name("data_docs.new")
    shutil.rmtree(fresh, ignore_errors=True)
    _write(fresh, pages(open_ledger(settings)))
    shutil.rmtree(site, ignore_errors=True)
    fresh.rename(site)
    return site / "index.html"


def pages(ledger: sa.Engine) -> list[Page]:
    """Each table's latest attempt and the recent failures, by table."""
    with ledger.connect() as connection:
        wanted = sa.tuple_(rows.c.table_name, rows.c.attempt_id).in_(_wanted(connection))
        query = sa.select(rows).where(wanted).order_by(rows.c.table_name, rows.c.attempt_id)
        found = connection.execute(query.order_by(rows.c.dt, rows.c.result_id)).mappings().all()
    by_page = groupby(found, key=lambda row: (row["table_name"], row["attempt_id"]))
    return [Page(table, attempt, [*map(dict, results)]) for (table, attempt), results in by_page]


def _wanted(connection: sa.Connection) -> set[tuple[str, str]]:
    gates = connection.execute(
        sa.select(rows.c.table_name, rows.c.attempt_id, sa.func.bool_and(rows.c.passed).label("ok"))
        .group_by(rows.c.table_name, rows.c.attempt_id)
        # Not by time: clocks are put back.
        .order_by(sa.func.max(rows.c.result_id))
    ).all()
    latest = {gate.table_name: gate.attempt_id for gate in gates}
    failures = [(gate.table_name, gate.attempt_id) for gate in gates if not gate.ok]
    return {*latest.items(), *failures[-RECENT_FAILURES:]}


def _write(folder: Path, found: Sequence[Page]) -> None:
    context = gx_run.new_context()
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)}
    for name in context.get_site_names():
        context.delete_data_docs_site(name)
    context.add_data_docs_site(
        "site",
        {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": store,
        },
    )
    for page in found:
        _validation(context, page)
    context.build_data_docs()
    data_docs_offline.complete(folder, found)


def _validation(context: Any, page: Page) -> None:
    from great_expectations.core import ExpectationSuiteValidationResult, RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    passed = len(page.results) - page.failed
    identity = ValidationResultIdentifier(
        expectation_suite_identifier=ExpectationSuiteIdentifier(page.table),
        run_id=RunIdentifier(run_name=page.attempt_id, run_time=page.at),
        batch_identifier=page.attempt_id,
    )
    outcome = ExpectationSuiteValidationResult(
        success=page.passed,
        results=[_result(result) for result in page.results],
        suite_name=page.table,
        statistics={
            "evaluated_expectations": len(page.results),
            "successful_expectations": passed,
            "unsuccessful_expectations": page.failed,
            "success_percent": 100 * passed / len(page.results),
        },
        meta={"run_id": identity.run_id, "active_batch_definition": {"dt": page.attempt_id}},
    )
    context.validation_results_store.set(identity, outcome)


def _result(result: Mapping[str, Any]) -> Any:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    text = f"{result['dt']}, {result['gate']}: {result['rule']}"
    warns = "" if result["severity"] == "block" else " (warns)"
    said = {name: value for name, value in result["observed"].items() if value != ""}
    observed = ", ".join(f"{name} {value}" for name, value in said.items())
    return ExpectationValidationResult(
        success=result["passed"],
        # A type that shows a sentence and a value, whatever kind of rule it was.
        expectation_config=ExpectationConfiguration(
            type="unexpected_rows_expectation",
            kwargs={"unexpected_rows_query": "{batch}"},
            description=text + warns,
        ),
        result={"observed_value": observed},
        exception_info={
            "raised_exception": False,
            "exception_message": None,
            "exception_traceback": None,
        },
    )
