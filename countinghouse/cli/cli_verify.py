"""The command `verify`: makes happen what the warehouse claims to survive, and counts."""

import os
import re
import subprocess
import sys
from pathlib import Path

import typer

from countinghouse.errors import BadName, CountinghouseError
from countinghouse.settings import load

verify = typer.Typer(no_args_is_help=True, help="Check claims by making their opposite happen.")


@verify.command()
def faults(
    only: str = typer.Option("", help="Numbers of faults, e.g. 3,25; all without it."),
    seed: int = typer.Option(0, min=0, help="Decides when the random kills strike."),
    kills: int = typer.Option(20, min=0, help="How many random kills on each kind of process."),
) -> None:
    """Make faults happen under readers, and print lost, doubled and invented rows and torn reads.

    Works on installations of its own, in a temporary folder. Without --only, what others do is made
    to fail as well: a harness that sees nothing there is blind. The exit code is 0 only if every
    fault was survived and every such control has shown something.
    """
    numbers = _numbers(only)
    words = ["pytest", *_files(_tests(), numbers)]
    words += ["-p", "fault_report", "-p", "no:terminal", "-o", "addopts=--strict-markers"]
    words += [
        f"--faults={numbers}",
        f"--fault-seed={seed}",
        f"--random-kills={kills}",
        "--every-point",
    ]
    _run(words, COUNTINGHOUSE_HOME="", PYTEST_ADDOPTS="")


@verify.command()
def equivalence(
    schedules: int = typer.Option(100, min=0, help="How many, over the models on DuckDB."),
    engine: int = typer.Option(1, min=0, help="How many short ones, through landing and engine."),
    airflow: int = typer.Option(1, min=0, help="How many short ones, as backfills of Airflow."),
    seed: int = typer.Option(0, min=0, help="Decides which schedules."),
) -> None:
    """Follow random schedules of deliveries, corrections, builds, kills, rollbacks and releases.

    Each must end as one clean rebuild from the same deliveries. The first that does not is printed
    as small as it can be made, with the first rows that differ; the exit code is then 1. Those
    through engine and Airflow take minutes, on installations of their own in a temporary folder.
    """
    counts = [f"--schedules={schedules}", f"--engine={engine}", f"--airflow={airflow}"]
    _run(["equivalence", *counts, f"--seed={seed}"])


def _tests() -> Path:
    folder = load().project / "tests"
    if not folder.is_dir():
        raise CountinghouseError(
            f"{folder} is not there: it has what is verified with", remedy="use a whole checkout"
        )
    return folder


def _run(words: list[str], **environment: str) -> None:
    """Run a module of the tests' folder, or of its packages; its failure is ours."""
    folder = _tests()
    env = {**os.environ, **environment, "PYTHONPATH": str(folder)}
    done = subprocess.run([sys.executable, "-m", *words], cwd=folder.parent, env=env, check=False)
    if done.returncode:
        raise typer.Exit(1)


def _numbers(only: str) -> str:
    if only and not all(part.strip().isdigit() for part in only.split(",")):
        raise BadName(f"{only[:80]!r} is no list of numbers", remedy="write --only 3,25")
    return only.replace(" ", "")


def _files(tests: Path, numbers: str) -> list[str]:
    """The files that name these faults; of all faults, those of the controls too."""
    named = (
        f"fault_({numbers.replace(',', '|')})_" if numbers else "fault_[0-9]+_|def test_control_"
    )
    files = sorted(tests.rglob("test_*.py"))
    found = [str(file) for file in files if re.search(named, file.read_text())]
    if not found:
        raise BadName(f"no test makes fault {numbers} happen", remedy="leave --only away")
    return found


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(verify, name="verify")
