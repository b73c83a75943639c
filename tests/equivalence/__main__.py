"""Random schedules against one clean rebuild each; `countinghouse verify equivalence`.

    PYTHONPATH=tests python -m equivalence --schedules 100 --seed 0

The exit code is 0 only if every schedule ends as the rebuild from the same delivery log.
"""

import argparse
import sys

from equivalence import runs

from countinghouse.settings import load


def main() -> None:
    """Follow schedules at each level that was asked for, and print a line for each level."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=100, help="over the models on DuckDB")
    parser.add_argument("--engine", type=int, default=1, help="short ones, through everything")
    parser.add_argument("--airflow", type=int, default=1, help="the same, with Airflow")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    models = runs.real_models(load())
    differs = False
    levels = (
        (runs.in_memory, asked.schedules),
        (runs.through_engine, asked.engine),
        (runs.through_airflow, asked.airflow),
    )
    for level, count in levels:
        if count:
            report = level(models, count, asked.seed)
            differs |= bool(report.difference)
            print(report, flush=True)
    sys.exit(differs)


if __name__ == "__main__":
    main()
