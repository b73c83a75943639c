"""Land what the delivery log holds and raw tables do not show yet.

    python -m spark_jobs.landing completejourney --run-id by-hand

Reads    the delivery log and the archived bytes of its deliveries
Writes   raw.<system>__<feed> and quarantine.<system>__<feed>, gated and published
"""

import argparse
import sys

from countinghouse import settings
from countinghouse.errors import CountinghouseError
from countinghouse.runs import land
from countinghouse.runs.ingest import contracts_of


def main(arguments: list[str] | None = None) -> int:
    """Land the feeds of some systems; 1 if a delivery was refused or a date blocked."""
    parser = argparse.ArgumentParser(description="Land deliveries as raw tables.")
    parser.add_argument("systems", nargs="+", help="declared source systems")
    parser.add_argument("--run-id", default="landing", help="name of the run in the ledger")
    given = parser.parse_args(arguments)
    installation = settings.load()
    try:
        contracts = contracts_of(installation, given.systems)
        report = land.land(installation, contracts, run_id=given.run_id)
    except CountinghouseError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"published {len(report.published)} partitions, {report.rows} rows")
    for problem in [*report.refused, *report.blocked]:
        print(problem, file=sys.stderr)
    return 1 if report.refused or report.blocked else 0


if __name__ == "__main__":
    sys.exit(main())
