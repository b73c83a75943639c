"""Faults 7, 9 and 15: what a user, a full disk or another process does to the engine."""

import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest
from installations import engine_process, free_ports
from pyspark.errors import PySparkException

from countinghouse import doctor
from countinghouse.names import WHOLE
from countinghouse.services import control
from countinghouse.services.spark_program import spark_home
from countinghouse.settings import Settings
from tests import harness
from tests.faults.beeline import beeline
from tests.faults.world import DTS, Pair, publish, shown

ALL = {*DTS, WHOLE}
SPECULATION = "spark.speculation"
# So many random texts go through the scratch folder.
TEXTS = "select /*+ repartition(8) */ uuid() as u from range({rows})"
BIG = f"select length(max(u)) from ({TEXTS})"


def test_fault_7_no_session_switches_speculation_on(installation: Settings, session: Any) -> None:
    with pytest.raises(PySparkException, match="CANNOT_MODIFY"):
        session.conf.set(SPECULATION, "true")
    with beeline(installation) as thrift:
        with pytest.raises(RuntimeError, match="CANNOT_MODIFY"):
            thrift.run(f"set {SPECULATION}=true")
        assert thrift.run(f"set {SPECULATION}") == [[SPECULATION, "false"]]


@pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="limits of others: Linux only")
def test_fault_9_a_scratch_folder_that_is_full_fails_the_job_and_no_table(
    installation: Settings, pair: Pair, session: Any
) -> None:
    publish(installation, pair, 1)
    engine = engine_process(installation)
    java = next(p for p in (engine, *engine.children(True)) if "java" in p.name())
    soft, hard = java.rlimit(psutil.RLIMIT_FSIZE)
    # As a full disk does it: what is written beyond fails.
    java.rlimit(psutil.RLIMIT_FSIZE, (8 << 20, hard))
    try:
        with (
            harness.claimed(installation, pair.partitions) as work,
            pytest.raises(PySparkException),
        ):
            work.session.sql(BIG.format(rows=1_500_000)).collect()
    finally:
        java.rlimit(psutil.RLIMIT_FSIZE, (soft, hard))
    assert shown(session, pair) == dict.fromkeys(ALL, 1)
    assert session.sql(BIG.format(rows=100)).first()[0] == 36
    publish(installation, pair, 2)
    assert shown(session, pair) == dict.fromkeys(ALL, 2)


def test_fault_15_a_second_process_on_the_metastore_is_refused_by_name(
    installation: Settings, pair: Pair, session: Any, tmp_path: Path
) -> None:
    publish(installation, pair, 1)
    (tmp_path / "metastore").symlink_to(installation.home / "metastore")
    second = Settings(home=tmp_path, **free_ports(), driver_memory="1g")
    with pytest.raises(control.StartFailed, match="is open in another process") as refused:
        control.up(second, with_airflow=False)
    assert "fuser" in refused.value.remedy
    assert not doctor.metastore(installation).ok
    # Whoever does not ask us is refused by Derby.
    said = derby(installation.home / "metastore" / "db")
    assert "XSDB6" in said, said
    assert shown(session, pair) == dict.fromkeys(ALL, 1)
    publish(installation, pair, 2)
    assert shown(session, pair) == dict.fromkeys(ALL, 2)


def derby(database: Path) -> str:
    """What Derby says to another process that opens a database."""
    program = doctor.java_program()
    assert program is not None
    words = [program, "-cp", f"{spark_home()}/jars/*", "org.apache.derby.tools.ij"]
    done = subprocess.run(
        words,
        input=f"connect 'jdbc:derby:{database}';\nexit;\n",
        cwd=database.parents[1] / "run",
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr
