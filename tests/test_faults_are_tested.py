"""Each fault of a section has a test that names its number."""

import ast
import re
from pathlib import Path

import pytest

# Sections E (time) and F (security) of the list of faults.
FAULTS = (84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98)
TESTS = Path(__file__).parent


def numbers() -> set[int]:
    """Faults that test functions are named after."""
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in TESTS.rglob("test_*.py"))
    names = [
        node.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    return {int(number) for name in names for number in re.findall(r"fault_([0-9]+)_", name)}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_test_is_named_after_the_fault(fault: int) -> None:
    assert fault in numbers()
