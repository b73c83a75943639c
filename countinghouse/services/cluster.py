"""A standalone Spark cluster on this machine: a master and `cluster_workers` workers.

`spark_master` is its address, e.g. `spark://127.0.0.1:7077`. Of a cluster that somebody else runs
`spark_master` is all that is needed here, and `cluster_workers` stays 0.
"""

import json
import shutil
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from countinghouse.errors import CountinghouseError
from countinghouse.services import processes
from countinghouse.services.child import Component
from countinghouse.services.spark_program import environment, program, properties_file
from countinghouse.settings import Settings

_HOST = "127.0.0.1"
_PACKAGE = "org.apache.spark.deploy"


def components(settings: Settings) -> list[Component]:
    """Master and workers in the order of their start; none without `cluster_workers`."""
    if not settings.cluster_workers:
        return []
    port = master_port(settings)
    master = Component(
        name="spark-master",
        start=lambda: _start(settings, "spark-master", "master.Master", port),
        healthy=lambda _: _workers(settings) is not None,
        ports=(port, settings.cluster_ui_port),
        start_seconds=120,
    )
    return [master, *(_worker(settings, number) for number in range(settings.cluster_workers))]


def master_port(settings: Settings) -> int:
    """The port in `spark_master`; raises CountinghouseError when that is not on this machine."""
    address = urlsplit(settings.spark_master)
    if address.scheme != "spark" or address.hostname != _HOST or not address.port:
        raise CountinghouseError(
            f"{settings.cluster_workers} workers were asked for, and spark_master is "
            f"{settings.spark_master}",
            remedy=f"set spark_master to spark://{_HOST}:7077, or cluster_workers to 0",
        )
    return address.port


def properties(settings: Settings, class_path: str) -> dict[str, str]:
    """Settings of the engine on this machine's cluster; none without one."""
    if not settings.cluster_workers:
        return {}
    return {
        **_authentication(settings),
        "spark.executor.memory": settings.worker_memory,
        "spark.executor.cores": str(settings.worker_cores),
        "spark.executor.extraClassPath": class_path,
        "spark.executor.extraJavaOptions": f"{settings.java_options} -Duser.timezone=UTC",
        "spark.executorEnv.TZ": "UTC",
    }


def _authentication(settings: Settings) -> dict[str, str]:
    """Whoever reaches the master's port could else run programs as this user."""
    return {
        "spark.authenticate": "true",
        "spark.authenticate.secret": settings.secret("cluster_secret"),
    }


def _worker(settings: Settings, number: int) -> Component:
    name, port = f"spark-worker-{number}", master_port(settings) + 1 + number
    more = [
        *("--cores", str(settings.worker_cores), "--memory", settings.worker_memory),
        *("--work-dir", str(_folder(settings, name)), settings.spark_master),
    ]
    return Component(
        name=name,
        start=lambda: _start(settings, name, "worker.Worker", port, *more),
        healthy=lambda _: port in (_workers(settings) or ()),
        ports=(port,),
        start_seconds=120,
    )


def _start(settings: Settings, name: str, main: str, port: int, *more: str) -> processes.Start:
    folder = _folder(settings, name)
    # What executors of an earlier engine left.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    ui = settings.cluster_ui_port if name == "spark-master" else 0
    file = properties_file(settings.run.resolve() / f"{name}.conf", _own(settings))
    return processes.Start(
        command=[
            *(program("spark-class"), f"{_PACKAGE}.{main}", "--host", _HOST, "--port", str(port)),
            *("--webui-port", str(ui), "--properties-file", str(file), *more),
        ],
        environment={**environment(settings), "SPARK_DAEMON_MEMORY": "256m"},
        folder=folder,
        log=settings.logs / f"{name}.log",
    )


def _own(settings: Settings) -> dict[str, str]:
    """Settings of master and workers."""
    return {
        **_authentication(settings),
        "spark.ui.killEnabled": "false",
        "spark.master.rest.enabled": "false",
        # A master that was killed knows its application again.
        "spark.deploy.recoveryMode": "FILESYSTEM",
        "spark.deploy.recoveryDirectory": str(_folder(settings, "master-recovery")),
        # A worker that was killed is missed within seconds, not after a minute.
        "spark.worker.timeout": "10",
        "spark.worker.cleanup.enabled": "true",
    }


def _folder(settings: Settings, name: str) -> Path:
    return settings.home.resolve() / "spark" / name


def _workers(settings: Settings) -> set[int] | None:
    """Ports of the workers that the master counts as alive; None when it does not answer."""
    try:
        address = f"http://{_HOST}:{settings.cluster_ui_port}/json/"
        with urllib.request.urlopen(address, timeout=5) as answer:
            known = json.load(answer)["workers"]
    except (OSError, ValueError, KeyError):
        return None
    return {worker["port"] for worker in known if worker["state"] == "ALIVE"}
