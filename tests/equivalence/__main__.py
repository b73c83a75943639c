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
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    report = runs.in_memory(runs.real_models(load()), asked.schedules, asked.seed)
    print(report)
    sys.exit(bool(report.difference))


if __name__ == "__main__":
    main()
