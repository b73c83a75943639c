"""Command line, settings and folders of the one Spark application.

HiveThriftServer2 with the Connect plugin, from the jars of the pyspark package.
"""

import shutil
import sys
from pathlib import Path

from countinghouse import doctor
from countinghouse.errors import CountinghouseError
from countinghouse.services import class_archive, cluster, connect, hadoop_defaults, processes
from countinghouse.services.child import Component
from countinghouse.services.spark_program import (
    environment,
    program,
    properties_file,
    spark_home,
)
from countinghouse.settings import Settings

_HEALTH_SECONDS = 10.0


def class_path(settings: Settings) -> tuple[Path, Path]:
    """A jar of ours, and the folder of Spark's."""
    return hadoop_defaults.jar(class_archive.folder(settings)), spark_home() / "jars"


def component(settings: Settings) -> Component:
    """The Spark application, healthy when it answers a catalog call in time."""
    return Component(
        name="engine",
        start=lambda: _start(settings),
        healthy=lambda _: connect.healthy(settings, deadline=_HEALTH_SECONDS),
        ports=(settings.connect_port, settings.thrift_port, settings.spark_ui_port),
        # 8 seconds on two idle cores; a start that hangs is rare, a busy machine is not.
        start_seconds=180,
    )


def _start(settings: Settings) -> processes.Start:
    """Write the engine's settings and empty its scratch folders, then say how to start it."""
    # Derby would say so, too, in a trace of hundreds of lines.
    if not (metastore := doctor.metastore(settings)).ok:
        raise CountinghouseError(metastore.found, remedy=metastore.remedy)
    work = _work(settings)
    for scratch in ("tmp", "local", "cwd"):
        shutil.rmtree(work / scratch, ignore_errors=True)
        (work / scratch).mkdir(parents=True)
    _drop_half_made_metastore(settings)
    for folder in (settings.home / "metastore", settings.warehouse, settings.logs, settings.run):
        folder.mkdir(parents=True, exist_ok=True)
    file = properties_file(settings.run.resolve() / "engine.conf", properties(settings))
    main = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"
    return processes.Start(
        command=[
            *(program("spark-submit"), "--properties-file", str(file)),
            *("--class", main, "spark-internal"),
        ],
        environment={**environment(settings), "SPARK_LOCAL_DIRS": str(work / "local")},
        # What Spark writes relative to its working folder (artifacts, mostly) stays here.
        folder=work / "cwd",
        log=settings.logs / "engine.out",
    )


def _drop_half_made_metastore(settings: Settings) -> None:
    """Derby opens no database whose making was cut short; `reconcile` fills the next one."""
    database = settings.home / "metastore" / "db"
    if database.exists() and not (database / "service.properties").exists():
        shutil.rmtree(database)


def properties(settings: Settings) -> dict[str, str]:
    """All settings of the engine: `conf/spark-defaults.conf` and what this installation adds."""
    home, work = settings.home.resolve(), _work(settings)
    jar = str(class_path(settings)[0])
    own = _defaults(settings.project / "conf" / "spark-defaults.conf") | {
        "spark.master": settings.spark_master,
        "spark.driver.memory": settings.driver_memory,
        "spark.driver.maxResultSize": settings.max_result_size,
        "spark.driver.extraJavaOptions": _java_options(settings),
        "spark.driver.extraClassPath": jar,
        **cluster.properties(settings, jar),
        "spark.ui.port": str(settings.spark_ui_port),
        "spark.connect.grpc.binding.port": str(settings.connect_port),
        "spark.connect.authenticate.token": settings.secret("connect_token"),
        "spark.hadoop.hive.server2.thrift.port": str(settings.thrift_port),
        "spark.sql.thriftServer.queryTimeout": str(settings.statement_timeout_seconds),
        "spark.scheduler.allocation.file": f"file://{settings.project}/conf/fairscheduler.xml",
        "spark.sql.warehouse.dir": str(work / "warehouse"),
        "spark.hadoop.javax.jdo.option.ConnectionURL": (
            f"jdbc:derby:;databaseName={home}/metastore/db;create=true"
        ),
        "spark.hadoop.hive.exec.scratchdir": str(work / "tmp" / "hive"),
        "spark.hadoop.hive.exec.local.scratchdir": str(work / "tmp" / "hive-local"),
        "spark.hadoop.hive.downloaded.resources.dir": str(work / "tmp" / "resources"),
        "spark.hadoop.hive.server2.logging.operation.log.location": str(work / "tmp" / "ops"),
        "spark.hadoop.hadoop.tmp.dir": str(work / "tmp" / "hadoop"),
    }
    more = {name: value.get_secret_value() for name, value in settings.spark_properties.items()}
    return own | more


def _java_options(settings: Settings) -> str:
    home = settings.home.resolve()
    system = {
        "countinghouse.logs": settings.logs.resolve(),
        "countinghouse.log_mb": settings.log_file_mb,
        "java.io.tmpdir": _work(settings) / "tmp",
        "log4j2.configurationFile": settings.project / "conf" / "log4j2.properties",
        "derby.system.home": home / "metastore",
        "derby.stream.error.file": settings.logs.resolve() / "derby.log",
        # Derby would write the stacks of all threads at every cancelled call.
        "derby.stream.error.logSeverityLevel": 50000,
        "derby.stream.error.extendedDiagSeverityLevel": 50000,
        "user.timezone": "UTC",
    }
    machine = [
        "-XX:+ExitOnOutOfMemoryError",
        # Beside the other logs: its working folder is emptied at the next start.
        f'"-XX:ErrorFile={settings.logs.resolve()}/engine.crash.%p.log"',
        "-XX:-CreateCoredumpOnCrash",
        settings.java_options,
    ]
    if sys.platform == "linux":
        # Hadoop changes the mode of each file and folder that it makes with a process. By default
        # that is two, one of which starts the other.
        system["jdk.lang.Process.launchMechanism"] = "VFORK"
        # Where the kernel has them for whoever asks; else Java says so and goes on.
        machine.append("-XX:+UseTransparentHugePages")
    options = [f'"-D{name}={value}"' for name, value in system.items()]
    options += class_archive.java_options(settings, class_path(settings))
    return " ".join([*machine, *options])


def _defaults(file: Path) -> dict[str, str]:
    lines = (line.strip() for line in file.read_text().splitlines())
    pairs = (line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    return {name: value for name, value in pairs}


def _work(settings: Settings) -> Path:
    return settings.home.resolve() / "spark"
