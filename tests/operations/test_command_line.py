"""The command line: exit codes, messages without tracebacks, output for programs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.harness import publish_numbers

DAY = "2026-01-01"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "countinghouse.cli", *arguments],
        cwd=Path(__file__).parents[2],
        env=os.environ.copy(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("history", "marts.never", DAY), 1, "was never published"),
        (("rollback", "marts.never", DAY, "--reason", "x"), 1, "is not published"),
        (("history", "marts.never", "2026-02-30"), 2, "is not a date"),
        (("history", "../../etc"), 2, "is not"),
        (("sql", "drop table marts.x"), 1, "SYNTAX_ERROR"),
        (("ledger", "restore", "/no/such/file"), 1, "is not a file"),
    ],
)
def test_a_refusal_is_a_message_and_an_exit_code(
    installation: Any, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = run(*arguments)

    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert message in done.stderr
    assert "what to do:" in done.stderr


def test_a_missing_argument_is_wrong_usage(installation: Any) -> None:
    assert run("rollback", "marts.never").returncode == 2


def test_rollback_and_release_end_to_end(installation: Any) -> None:
    table = "marts.commanded"
    for n in (1, 2):
        publish_numbers(installation, table, {DAY: [n]})

    back = run("rollback", table, DAY, "--reason", "wrong rates", "--owner", "finance")
    told = json.loads(run("history", table, DAY, "--json").stdout)
    released = run("release", table, DAY)
    again = run("release", table, DAY)

    assert (back.returncode, released.returncode, again.returncode) == (0, 0, 1)
    assert [p["state"] for p in told] == ["held", "kept", "kept"]


def test_rows_can_be_piped(installation: Any) -> None:
    publish_numbers(installation, "marts.piped", {DAY: [1, 2]})

    done = run("sql", "select n from marts.piped order by n", "--json")

    assert json.loads(done.stdout) == [{"n": 1}, {"n": 2}]


def test_help_does_not_load_the_engine_or_dbt() -> None:
    code = (
        "import sys, countinghouse.cli;"
        "heavy = {'pyspark', 'dbt', 'great_expectations', 'airflow'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("dates", "message"),
    [
        (("--from", "2026-03-05", "--to", "2026-03-02"), "is reversed"),
        (("--from", "2026-02-30"), "is not a date"),
        (("--to", "all"), "is not a date"),
    ],
)
def test_dates_that_cannot_be_built_are_wrong_usage(dates: tuple[str, ...], message: str) -> None:
    done = run("build", "commerce", *dates)

    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert message in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONNECT_PORT", "abc"),
        ("AIRFLOW_PORT", "70000"),
        ("DRIVER_MEMORY", "lots"),
        ("HOME", "/tmp/what?"),
    ],
)
def test_a_setting_that_is_wrong_is_named_with_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"COUNTINGHOUSE_{name}", value)

    done = run("doctor")

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"COUNTINGHOUSE_{name}" in done.stderr
    assert repr(value) in done.stderr
    assert "what to do:" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("driver_memory = 3g", "at line 1"),
        ("ledger_ur = 'postgresql://me:secret@host/x'", "ledger_ur is no setting"),
    ],
)
def test_a_settings_file_that_is_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, message: str
) -> None:
    monkeypatch.setenv("COUNTINGHOUSE_HOME", str(tmp_path))
    (tmp_path / "settings.toml").write_text(text)

    done = run("doctor")

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"{tmp_path}/settings.toml: " in done.stderr
    assert message in done.stderr
    assert "secret" not in done.stderr
