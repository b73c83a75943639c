"""`contract infer` and `contract check`: what they print, and how they end. No engine."""

import subprocess
import sys
from pathlib import Path

import pytest

SALES = "id,sold_at,price\n1,2026-01-02,1.50\n2,2026-01-03,2.50\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The command line in a project with a dbt folder and nothing in it."""
    models = tmp_path / "project" / "dbt_project" / "models"
    models.mkdir(parents=True)
    monkeypatch.setenv("COUNTINGHOUSE_PROJECT", str(tmp_path / "project"))
    monkeypatch.setenv("COUNTINGHOUSE_HOME", str(tmp_path / "home"))

    def command(*arguments: object) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "countinghouse.cli", "contract", *map(str, arguments)]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)

    return command


def test_what_is_inferred_is_declared_and_checks(run, tmp_path: Path) -> None:
    sales = tmp_path / "sales.csv"
    sales.write_text(SALES)
    output = tmp_path / "project" / "dbt_project" / "models" / "_till__sources.yml"

    done = run("infer", sales, "--system", "till", "--output", output)
    checked = run("check", "till.sales", "--file", sales)

    assert (done.returncode, done.stdout) == (0, "")
    assert "till.sales: 2 rows, 3 columns, 0 rows would be quarantined" in done.stderr
    assert checked.returncode == 0, checked.stderr
    assert "contracts: 1, all of them right" in checked.stdout
    assert "sales.csv: 2 rows, 0 bad" in checked.stdout
    again = run("infer", sales, "--output", output)
    assert (again.returncode, "is there already" in again.stderr) == (1, True)


def test_bad_rows_are_counted_by_reason_and_end_with_1(run, tmp_path: Path) -> None:
    sales = tmp_path / "sales.csv"
    sales.write_text(SALES)
    output = tmp_path / "project" / "dbt_project" / "models" / "_till__sources.yml"
    run("infer", sales, "--system", "till", "--output", output)
    sales.write_text(SALES + "3,2026-01-04\n,2026-01-04,1\n4,,1\n")

    done = run("check", "till.sales", "--file", sales)

    assert done.returncode == 1
    assert "sales.csv: 5 rows, 3 bad" in done.stdout
    for reason in ("row: too few fields", "id: key is blank", "sold_at: is null"):
        assert reason in done.stdout
    assert "budget: 3 of 5 rows are bad" in done.stderr


def test_a_file_of_another_layout_would_be_refused(run, tmp_path: Path) -> None:
    sales = tmp_path / "sales.csv"
    sales.write_text(SALES)
    output = tmp_path / "project" / "dbt_project" / "models" / "_till__sources.yml"
    run("infer", sales, "--system", "till", "--output", output)
    sales.write_text(SALES.replace("price", "amount"))

    done = run("check", "till.sales", "--file", sales)

    assert (done.returncode, "no column 'price'" in done.stderr) == (1, True)


def test_the_first_mistake_ends_with_1_and_its_place(run, tmp_path: Path) -> None:
    sales = tmp_path / "sales.csv"
    sales.write_text(SALES)
    text = run("infer", sales, "--system", "till").stdout
    broken = text.replace("keys: [id]", "keys: [nope]")
    path = tmp_path / "project" / "dbt_project" / "models" / "_till__sources.yml"
    path.write_text(broken)
    line = broken.splitlines().index("              keys: [nope]") + 1

    done = run("check")

    assert done.returncode == 1
    assert f"_till__sources.yml:{line}: till.sales: config.meta.landing.keys: no col" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("infer", "absent.csv"), 1, "absent.csv is no file"),
        (("infer",), 2, "Missing argument"),
        (("check", "till.sales"), 2, "till.sales is not declared"),
        (("check", "--file", "sales.csv"), 2, "--file is read under one contract"),
    ],
)
def test_wrong_usage_is_told(run, arguments: tuple[str, ...], code: int, message: str) -> None:
    done = run(*arguments)
    assert (done.returncode, message in done.stderr, "Traceback" in done.stderr) == (
        code, True, False,
    )  # fmt: skip
