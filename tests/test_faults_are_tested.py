"""Every fault of the list that the warehouse survives has a test named by its number."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# Crashes and commits, writers beside each other, Airflow and gates: those that have a test so far.
CRASHES = (1, 2, 3, 4, 5, 8, 10, 12, 13, 16, 17, 18, 22, 23, 24)
WRITERS = (25, 26, 27, 28, 29, 30, 31, 32, 35)
RUNS = (38, 39, 40, 41, 42, 43, 44, 45, 47, 48, 49, 50, 51, 54, 56)
# Late, doubled, malformed and impossible data.
DATA = tuple(range(57, 84))
TIME = tuple(range(84, 91))
SECURITY = tuple(range(91, 99))
OPERATIONS = tuple(range(99, 115))
FAULTS = (*CRASHES, *WRITERS, *RUNS, *DATA, *TIME, *SECURITY, *OPERATIONS)


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
