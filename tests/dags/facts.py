"""Imports every DAG file as Airflow does and prints what it declares, as JSON.

A command of its own: a process that has imported Airflow is of no use to other tests. Its argument
is the folder of the files.
"""

import importlib
import json
import sys
from pathlib import Path

# What a DAG file may not import when it is parsed: each costs every task seconds.
HEAVY = ("pyspark", "great_expectations", "pandas", "numpy", "dbt", "pyarrow", "countinghouse")


def main(folder: Path) -> None:
    """Print one entry per DAG, and the heavy modules that were imported on the way."""
    sys.path.insert(0, str(folder))
    from airflow.sdk import DAG

    found = {}
    for file in sorted(folder.glob("*.py")):
        module = importlib.import_module(file.stem)
        for dag in vars(module).values():
            if isinstance(dag, DAG):
                found[dag.dag_id] = facts(dag, file)
    print(json.dumps({"dags": found, "heavy": [name for name in HEAVY if name in sys.modules]}))


def facts(dag, file):
    schedule = dag.timetable
    return {
        "file": file.stem,
        "doc": dag.doc_md,
        "schedule": type(schedule).__name__,
        "assets": sorted(asset.name for asset in assets(schedule)),
        "never_by_itself": dag.end_date is not None and dag.end_date <= dag.start_date,
        "start": dag.start_date.isoformat(),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "tags": sorted(dag.tags),
        "tasks": {
            task.task_id: {
                "owner": task.owner,
                "retries": task.retries,
                "alerts": bool(task.on_failure_callback),
                "one_at_a_time": task.max_active_tis_per_dag,
                "outlets": [asset.name for asset in task.outlets],
                "downstream": sorted(task.downstream_task_ids),
            }
            for task in dag.tasks
        },
    }


def assets(schedule):
    condition = getattr(schedule, "asset_condition", None)
    return getattr(condition, "objects", [condition]) if condition else []


if __name__ == "__main__":
    main(Path(sys.argv[1]))
