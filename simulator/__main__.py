"""Command line of the simulator."""

import argparse
import datetime as dt
from pathlib import Path

from simulator import Defects, expected, write_correction, write_deliveries


def main() -> None:
    """Write deliveries, or the correction of one; prints what is planted and what to expect."""
    parser = argparse.ArgumentParser(prog="simulator", description="Deliveries of a small shop.")
    parser.add_argument("--out", type=Path, required=True, help="landing root")
    parser.add_argument("--from", dest="first", type=dt.date.fromisoformat, required=True)
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--late", type=int, metavar="DAY", help="items of DAY partly a day late")
    parser.add_argument("--corrupt", type=int, metavar="DAY", help="items of DAY broken")
    parser.add_argument("--held", type=int, metavar="DAY", help="items of DAY not delivered")
    parser.add_argument(
        "--correct", type=int, metavar="DAY", help="only: deliver good items of DAY"
    )
    chosen = parser.parse_args()
    if chosen.correct is not None:
        day = chosen.first + dt.timedelta(days=chosen.correct)
        return write_correction(chosen.out, day, chosen.seed)
    defects = Defects(chosen.late, chosen.corrupt, chosen.held)
    span = (chosen.first, chosen.days, chosen.seed)
    for planted in write_deliveries(chosen.out, *span, defects=defects):
        print(f"planted {planted.kind}: {planted.rows} rows of {planted.feed} dt={planted.dt}")
    for (day, currency), truth in expected(*span).items():
        print(f"expect {day} {currency}: {truth.lines} lines, {truth.sales} minor units")


if __name__ == "__main__":
    main()
