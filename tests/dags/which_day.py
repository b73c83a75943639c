"""Which day the scheduler's runs and a backfill of the Airflow CLI are for, as JSON.

A command of its own: a process that has imported Airflow is of no use to other tests.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "dags"))


def main() -> None:
    """Print the partition key by the moment of each run, scheduled ones and those of a backfill."""
    from airflow.serialization.decoders import decode_timetable
    from airflow.serialization.encoders import encode_timetable
    from airflow.timetables.base import TimeRestriction

    from orchestration.declared import closed_day

    timetable = decode_timetable(encode_timetable(closed_day()))
    first, last = datetime(2024, 2, 28, tzinfo=UTC), datetime(2024, 3, 2, tzinfo=UTC)
    restriction = TimeRestriction(earliest=first, latest=last, catchup=True)
    scheduled, info = {}, None
    while info := timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction):
        scheduled[info.run_after.isoformat()] = info.partition_key
    backfilled = timetable.iter_partition_dagrun_infos(earliest=first, latest=last)
    print(json.dumps([scheduled, [info.partition_key for info in backfilled]]))


if __name__ == "__main__":
    main()
