"""Models, tests and documentation, built by dbt in the session of an attempt."""

import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from countinghouse import engine_session
from countinghouse.dbt import dbt_build, dbt_session
from countinghouse.errors import Fenced

STG, REJECTED = "staging.stg_shop__orders", "staging.stg_shop__orders__rejected"
TRAILING, TOTAL = "marts.rpt_trailing", "marts.rpt_total"
DAYS = [f"2026-01-0{n}" for n in (1, 2, 3, 4)]


def parquet_files(folder: Path) -> list[str]:
    return sorted(str(path.parent.relative_to(folder)) for path in folder.rglob("*.parquet"))


def test_models_are_built_where_their_versions_lie_one_file_a_date(attempt: Any) -> None:
    raw = {
        DAYS[0]: attempt.land(DAYS[0], "(1, 1.50, 1), (1, 1.50, 2)"),
        DAYS[1]: attempt.land(DAYS[1], "(2, 2.00, 1)"),
    }
    models = [STG, REJECTED, TRAILING, TOTAL]
    attempt.branch(DAYS[:3], models, {"raw.shop__orders": raw})

    results = attempt.run(*models)

    assert {result.status for result in results.values()} == {"success", "pass"}
    assert results["every_landed_order_is_staged_or_rejected"].attached_model == STG
    assert attempt.rows("select * from {b}.stg_shop__orders order by dt") == [
        (1, "a@example.com", 150, "USD", DAYS[0]),
        (2, "a@example.com", 200, "USD", DAYS[1]),
    ]
    assert attempt.rows("select * from {b}.rpt_total") == [(350, "USD")]
    assert parquet_files(attempt.root / STG) == [f"dt={DAYS[0]}", f"dt={DAYS[1]}"]
    assert parquet_files(attempt.root / TOTAL) == ["."]


def test_a_model_shows_what_was_built_and_what_is_pinned(attempt: Any) -> None:
    pinned = attempt.root / "published"
    for day, cents in (DAYS[0], 1), (DAYS[1], 2):
        attempt.session.sql(
            f"select 9L as order_id, 'a' as email, {cents}L as amount_minor, 'USD' as currency"
        ).write.parquet(str(pinned / f"dt={day}"))
    raw = {DAYS[2]: attempt.land(DAYS[2], "(3, 4.00, 1)")}
    pins = {day: pinned / f"dt={day}" for day in DAYS[:2]}
    attempt.branch([DAYS[2]], [STG, REJECTED, TRAILING], {"raw.shop__orders": raw, STG: pins})

    attempt.run(STG, REJECTED, TRAILING)

    assert attempt.rows("select amount_minor, dt from {b}.rpt_trailing") == [(403, DAYS[2])]
    assert parquet_files(attempt.root / STG) == [f"dt={DAYS[2]}"]


def test_tests_look_at_the_dates_of_the_run_only(attempt: Any) -> None:
    pinned = attempt.root / "published" / f"dt={DAYS[0]}"
    attempt.session.sql(
        "select 9L as order_id, 'a' as email, -1L as amount_minor, 'USD' as currency"
    ).write.parquet(str(pinned))
    raw = {DAYS[1]: attempt.land(DAYS[1], "(3, 4.00, 1)")}
    attempt.branch([DAYS[1]], [STG, REJECTED], {"raw.shop__orders": raw, STG: {DAYS[0]: pinned}})

    results = attempt.run(STG, REJECTED)

    assert results["amounts_are_not_negative"].status == "pass"


def test_fault_47_fault_54_a_failing_test_names_date_and_rows_and_stops_what_depends_on_it(
    attempt: Any,
) -> None:
    raw = {
        DAYS[0]: attempt.land(DAYS[0], "(1, 1.00, 1)"),
        DAYS[1]: attempt.land(DAYS[1], "(2, -2.00, 1), (3, -3.00, 2)"),
    }
    models = [STG, REJECTED, TRAILING]
    attempt.branch(DAYS[:2], models, {"raw.shop__orders": raw})

    results = attempt.run(*models)

    failed = results["amounts_are_not_negative"]
    assert (failed.status, failed.failures, failed.failed_dts) == ("fail", 2, (DAYS[1],))
    # Their feed knows persons: none of its rows is shown.
    assert failed.sample == ""
    assert "a@example.com" not in failed.message
    assert results["one_row_per_order"].status == "pass"
    assert results[TRAILING].status == "skipped"


def test_a_sample_does_not_show_personal_columns(attempt: Any) -> None:
    from countinghouse.dbt.dbt_failures import sample

    rows = "select 'a@example.com' as email, 7 as order_id"

    assert sample(attempt.session, rows, {"email"}) == "email=(not shown), order_id=7"


def test_a_test_whose_relations_are_not_there_is_named(attempt: Any) -> None:
    attempt.branch(DAYS[:1], [STG], {"raw.shop__orders": {}})
    attempt.session.sql(f"drop table {attempt.schema}.stg_shop__orders__rejected")

    results = attempt.run(STG)

    missed = results["every_landed_order_is_staged_or_rejected"]
    assert (missed.status, missed.ok, missed.attached_model) == ("not_run", False, STG)
    assert "stg_shop__orders__rejected" in missed.message


def test_fault_75_a_sum_that_overflows_fails_instead_of_wrapping(attempt: Any) -> None:
    raw = {DAYS[0]: attempt.land(DAYS[0], "(1, 90000000000000.00, 1)")}
    pins = {}
    for n in range(2):
        place = attempt.root / "published" / f"dt={DAYS[n]}"
        attempt.session.sql(
            "select 1L as order_id, 'a' as email, 9223372036854775807L as amount_minor, "
            "'USD' as currency"
        ).write.parquet(str(place))
        pins[DAYS[n]] = place
    attempt.branch(DAYS[:2], [TRAILING], {"raw.shop__orders": raw, STG: pins})

    result = attempt.run(TRAILING)[TRAILING]

    assert result.status == "error"
    assert "ARITHMETIC_OVERFLOW" in result.message
    assert attempt.session.conf.get("spark.sql.ansi.enabled") == "true"


def test_a_contract_is_enforced(attempt: Any, tmp_path: Path) -> None:
    change(
        attempt, tmp_path / "other", "sum(orders.amount_minor)", "sum(orders.amount_minor) + 0.5"
    )
    attempt.branch(DAYS[:1], [TRAILING], {})

    result = attempt.run(TRAILING)[TRAILING]

    assert result.status == "error"
    assert "contract" in result.message


def test_a_fenced_attempt_writes_nothing_more(
    attempt: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = "coalesce(java_method('java.lang.Thread', 'sleep', 20000L), 'x') <> ''"
    change(attempt, tmp_path / "other", "group by", f"where {slept} group by")
    place = attempt.root / "published" / f"dt={DAYS[0]}"
    attempt.session.sql(
        "select 1L as order_id, 'a' as email, 1L as amount_minor, 'USD' as currency"
    ).write.parquet(str(place))
    attempt.branch(DAYS[:1], [TRAILING], {STG: {DAYS[0]: place}})
    sent, raised = threading.Event(), list[BaseException]()
    execute = dbt_session._Cursor.execute

    def watched(cursor: Any, sql: str, *parameters: Any) -> None:
        if "create table" in sql:
            sent.set()
        execute(cursor, sql, *parameters)

    def work() -> None:
        try:
            attempt.run(TRAILING)
        except BaseException as error:
            raised.append(error)

    monkeypatch.setattr(dbt_session._Cursor, "execute", watched)
    worker = threading.Thread(target=work)
    worker.start()
    assert sent.wait(120)
    time.sleep(1)
    engine_session.fence(attempt.settings, attempt.session_id)
    worker.join(60)

    assert [type(error) for error in raised] == [Fenced]
    assert parquet_files(attempt.root / TRAILING) == []


def test_dbt_run_by_hand_leaves_published_tables_alone(attempt: Any, tmp_path: Path) -> None:
    from countinghouse.dbt.dbt_manifest import invoke
    from countinghouse.dbt.dbt_session import statements_in

    attempt.session.sql("create database if not exists marts")
    attempt.session.sql(f"create external table marts.rpt_total (n int) location '{tmp_path}/t'")
    try:
        with statements_in(attempt.settings, attempt.session_id):
            done = invoke(attempt.settings, ["run", "--select", "rpt_total"], tmp_path / "target")
        assert "countinghouse build" in done.result.results[0].message
        assert attempt.rows("select count(*) from marts.rpt_total") == [(0,)]
    finally:
        attempt.session.sql("drop table marts.rpt_total")


def test_unit_tests_run_without_data(attempt: Any) -> None:
    results = dbt_build.run_unit_tests(
        attempt.settings, session_id=attempt.session_id, scratch=attempt.root / "unit"
    )

    assert [(r.name, r.status) for r in results] == [("the_window_has_three_days", "pass")]


def test_the_documentation_names_published_tables(attempt: Any) -> None:
    page = dbt_build.generate_docs(attempt.settings, session_id=attempt.session_id)

    text = page.read_text()
    assert "staging.stg_shop__orders" in text
    assert "branch_" not in text


@pytest.mark.parametrize("model", ["nobody.knows"])
def test_nothing_to_select_is_an_error(attempt: Any, model: str) -> None:
    from countinghouse.errors import CountinghouseError

    attempt.branch([], [], {})

    with pytest.raises(CountinghouseError, match="no model"):
        attempt.run(model)


def change(attempt: Any, root: Path | None, old: str, new: str) -> None:
    """Give the attempt a project of its own in which rpt_trailing differs."""
    if root:
        shutil.copytree(attempt.settings.project, root)
        attempt.settings = attempt.settings.model_copy(update={"project": root})
    file = attempt.settings.project / "dbt_project/models/marts/commerce/rpt_trailing.sql"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
