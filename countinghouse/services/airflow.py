"""Environment and processes of Airflow, on a database beside the ledger.

Run as `python -m countinghouse.services.airflow scheduler`: it migrates the database when the
installed Airflow is newer than it, then becomes that Airflow command.
"""

import base64
import contextlib
import fcntl
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from countinghouse import settings as settings_module
from countinghouse.errors import CountinghouseError
from countinghouse.services import postgres, processes
from countinghouse.services.child import Component
from countinghouse.settings import Settings

USER = "admin"
# No triggerer: nothing here defers, and it would cost a seventh of the start. Name of each process
# but the API server's, and the kind of its heartbeats in Airflow's table of jobs.
_JOBS = {
    "scheduler": "SchedulerJob",
    "dag-processor": "DagProcessorJob",
}
# The executor would serve logs on all interfaces; here everybody reads the files.
ARGUMENTS = {"scheduler": ["--skip-serve-logs"]}
_HEARTBEAT_SECONDS = 60
# A database that cannot be asked, or not even be started.
_UNREACHABLE = (psycopg.Error, CountinghouseError)


def environment(settings: Settings) -> dict[str, str]:
    """Environment of every Airflow command of this installation, the CLI's too."""
    api = f"http://127.0.0.1:{settings.airflow_port}"
    options = {
        "core__executor": "countinghouse.services.warm_executor.WarmExecutor",
        "core__parallelism": "4",
        "core__load_examples": "False",
        "core__dags_folder": settings.project / "dags",
        "core__plugins_folder": settings.project / "dags" / "plugins",
        "core__dags_are_paused_at_creation": "False",
        "core__fernet_key": _fernet_key(settings),
        "core__execution_api_server_url": f"{api}/execution/",
        "core__auth_manager": (
            "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
        ),
        "core__simple_auth_manager_users": f"{USER}:admin",
        "core__simple_auth_manager_passwords_file": _password_file(settings),
        "database__sql_alchemy_conn": postgres.url(settings, "airflow", driver="psycopg2"),
        "database__sql_alchemy_conn_async": postgres.url(settings, "airflow", driver="asyncpg"),
        "api__host": "127.0.0.1",
        "api__port": settings.airflow_port,
        "api__base_url": api,
        "api__workers": "1",
        "api__secret_key": settings.secret("airflow_api_key"),
        "api__instance_name": "Countinghouse",
        "api_auth__jwt_secret": settings.secret("airflow_jwt_secret"),
        "dag_processor__parsing_processes": "1",
        "dag_processor__min_file_process_interval": "60",
        "dag_processor__dag_file_processor_timeout": "120",
        "dag_processor__print_stats_interval": "300",
        "scheduler__scheduler_heartbeat_sec": "5",
        # What ran under a killed scheduler waits five minutes by default.
        "scheduler__orphaned_tasks_check_interval": "30",
        # Two busy cores answer later than a server would.
        "workers__execution_api_timeout": "30",
        "logging__base_log_folder": settings.logs / "airflow",
        "logging__dag_processor_child_process_log_directory": settings.logs / "airflow" / "dags",
        "logging__colored_console_log": "False",
        "usage_data_collection__enabled": "False",
    }
    airflow = {f"AIRFLOW__{name.upper()}": str(value) for name, value in options.items()}
    inherited = processes.environment(settings)
    own = {
        "AIRFLOW_HOME": str(settings.home.resolve() / "airflow"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", "")]),
    }
    return inherited | airflow | own


def components(settings: Settings) -> list[Component]:
    """Airflow's processes in the order of their start."""
    health: dict[str, Callable[[float], bool]] = {
        "api-server": lambda _: _api_answers(settings),
        **{name: _beats(settings, job) for name, job in _JOBS.items()},
    }
    return [_component(settings, name, healthy) for name, healthy in health.items()]


def password(settings: Settings) -> str:
    """Password of the user `admin` of this installation's Airflow."""
    return settings.secret("airflow_password")


def run_cli(settings: Settings, arguments: list[str]) -> int:
    """Run an Airflow command in the foreground and return its exit code."""
    return subprocess.run(
        ["airflow", *arguments], env=environment(settings), check=False
    ).returncode


def migrate(settings: Settings) -> None:
    """Bring Airflow's database to the installed version; quick when it is there already."""
    home = settings.home / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    with (settings.run / "airflow.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        version = importlib.metadata.version("apache-airflow-core")
        stamp = home / "migrated.json"
        if processes.read(stamp) == {"airflow": version, "revision": _revision(settings)}:
            return
        subprocess.run(["airflow", "db", "migrate"], env=environment(settings), check=True)
        processes.replace(stamp, {"airflow": version, "revision": _revision(settings)})


def _component(settings: Settings, name: str, healthy: Callable[[float], bool]) -> Component:
    return Component(
        name=name,
        start=lambda: _start(settings, name),
        healthy=healthy,
        ports=(settings.airflow_port,) if name == "api-server" else (),
        start_seconds=240,
    )


def _start(settings: Settings, name: str) -> processes.Start:
    file = _password_file(settings)
    if not file.exists():
        # Airflow would make up a password and print it into its log.
        file.touch(mode=0o600)
        file.write_text(json.dumps({USER: password(settings)}) + "\n")
    home = settings.home / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    return processes.Start(
        command=[sys.executable, "-m", "countinghouse.services.airflow", name],
        environment=environment(settings),
        folder=home,
        log=settings.logs / f"{name}.log",
    )


def _api_answers(settings: Settings) -> bool:
    address = f"http://127.0.0.1:{settings.airflow_port}/api/v2/monitor/health"
    try:
        with urllib.request.urlopen(address, timeout=8) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _beats(settings: Settings, job: str) -> Callable[[float], bool]:
    """Whether a job that began in this process's lifetime has a recent heartbeat."""
    query = (
        "SELECT count(*) FROM job WHERE job_type = %s AND state = 'running'"
        " AND start_date > now() - make_interval(secs => %s)"
        " AND latest_heartbeat > now() - make_interval(secs => %s)"
    )

    def healthy(uptime: float) -> bool:
        with contextlib.suppress(*_UNREACHABLE), database(settings) as connection:
            row = connection.execute(query, (job, uptime, _HEARTBEAT_SECONDS)).fetchone()
            return row is not None and row[0] != 0
        return False

    return healthy


def _revision(settings: Settings) -> str | None:
    with contextlib.suppress(*_UNREACHABLE), database(settings) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None
    return None


def database(settings: Settings) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection to Airflow's own database, for questions that its API does not answer."""
    address = postgres.ledger_url(settings, "airflow").replace("+psycopg", "", 1)
    return psycopg.connect(address, connect_timeout=5)


def _password_file(settings: Settings) -> Path:
    return settings.home.resolve() / "secrets" / "airflow_passwords.json"


def _fernet_key(settings: Settings) -> str:
    digest = hashlib.sha256(settings.secret("airflow_fernet").encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()


def main() -> None:
    """Migrate if necessary, then become the Airflow command named in the arguments."""
    settings = settings_module.load()
    migrate(settings)
    name = sys.argv[1]
    os.execvpe("airflow", ["airflow", name, *ARGUMENTS.get(name, [])], environment(settings))


if __name__ == "__main__":
    main()
