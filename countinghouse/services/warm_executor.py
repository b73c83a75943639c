"""Airflow's LocalExecutor with the heavy libraries loaded before its workers are forked."""

import importlib
import os

from airflow.executors.local_executor import LocalExecutor

# Seconds of imports, which each task would repeat. Nothing of this project: a task
# runs the code that lies there when it starts.
_HEAVY = (
    "pyspark.sql.connect.session",
    "pyspark.sql.functions",
    "great_expectations.expectations",
    "dbt.cli.main",
    "dbt.adapters.spark",
)


class WarmExecutor(LocalExecutor):
    """Each task is a fork of a process that has imported the engine's client, dbt and GX."""

    def start(self) -> None:
        """Import, then fork the workers."""
        # Both are read at these imports.
        os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        for module in _HEAVY:
            importlib.import_module(module)
        super().start()
