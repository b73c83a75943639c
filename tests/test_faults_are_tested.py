"""Every fault of the list that the warehouse survives has a test named by its number."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FAULTS = range(1, 115)


def names_by_fault() -> dict[int, set[str]]:
    """Names of test functions by the faults that they name, as in `test_fault_64_...`."""
    found: dict[int, set[str]] = {}
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for number in re.findall(r"fault_([0-9]+)_", node.name):
                    found.setdefault(int(number), set()).add(node.name)
    return found


TESTED = names_by_fault()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_has_a_test_named_by_its_number(fault: int) -> None:
    assert TESTED.get(fault), f"no function below tests/ is named test_fault_{fault}_..."


@pytest.mark.parametrize(("count", "verdict"), [(3, "as it must be"), (0, "WHICH SHOWS NOTHING")])
def test_a_control_that_finds_nothing_is_told_and_ends_the_run_badly(
    tmp_path: Path, count: int, verdict: str
) -> None:
    (tmp_path / "test_controls.py").write_text(
        "def test_control_of_nothing(record_property):\n"
        f"    record_property('control', 'an overwrite: {count} torn reads')\n"
        f"    assert {count}\n"
    )
    words = [sys.executable, "-m", "pytest", str(tmp_path), "-p", "fault_report"]
    words += [
        "-p",
        "no:terminal",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        "--faults=",
    ]
    env = os.environ | {"PYTHONPATH": str(TESTS), "PYTEST_ADDOPTS": ""}
    done = subprocess.run(words, env=env, cwd=tmp_path, capture_output=True, text=True)
    assert f"control: an overwrite: {count} torn reads, {verdict}" in done.stdout, done.stdout
    assert "faults survived 0 of 114" in done.stdout
    assert done.returncode == (0 if count else 1)


def test_the_command_makes_a_fault_happen_and_counts() -> None:
    """In full: `countinghouse verify faults`."""
    words = ["verify", "faults", "--only", "22"]
    done = subprocess.run(
        [sys.executable, "-c", "from countinghouse.cli import main; main()", *words],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "faults survived 1 of 1 | rows lost 0 | duplicated 0 | invented 0" in done.stdout
