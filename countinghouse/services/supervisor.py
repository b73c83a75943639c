"""The parent of all services of one installation: `python -m countinghouse.services.supervisor`.

It starts the engine and, when asked, Airflow; replaces what is dead or sick; keeps PostgreSQL
running; keeps a reconciler, which looks at once when the engine comes up and then every minute;
ends everything when it gets SIGTERM.
"""

import argparse
import contextlib
import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from countinghouse import settings as settings_module
from countinghouse.errors import CountinghouseError
from countinghouse.services import airflow, cluster, engine, postgres, processes
from countinghouse.services.child import Child, State
from countinghouse.services.class_archive import Archiver
from countinghouse.settings import Settings

_TICK_SECONDS = 0.25
_POSTGRES_SECONDS = 10.0
_LOG_SECONDS = 30.0
# Between two starts of a reconciler that ends by itself.
_RECONCILER_SECONDS = 30.0

log = logging.getLogger(__name__)


def pid_file(settings: Settings) -> Path:
    """Where the running supervisor has recorded itself."""
    return settings.run / "supervisor.json"


def status_file(settings: Settings) -> Path:
    """Where the supervisor writes the state of every component."""
    return settings.run / "status.json"


@contextlib.contextmanager
def _tolerated(what: str) -> Iterator[None]:
    """A full disk stops this, and nothing else."""
    try:
        yield
    except (OSError, CountinghouseError) as error:
        log.warning("could not %s: %s", what, error)


class Supervisor:
    """Runs until it is told to stop."""

    def __init__(self, settings: Settings, *, with_airflow: bool) -> None:
        self.settings = settings
        self.stopping = False
        self.engine = Child(settings, engine.component(settings))
        others = cluster.components(settings)
        if with_airflow:
            others += airflow.components(settings)
        self.children = [self.engine, *(Child(settings, component) for component in others)]
        self._due: dict[str, float] = {}
        self._reconciler: subprocess.Popen[bytes] | None = None
        self._engine_is_new = True
        self._postgres_problem = ""
        self._archiver = Archiver(settings, engine.class_path(settings))

    def run(self) -> None:
        """Watch all children until `stopping` is set or the home is removed; then end them all."""
        try:
            # Without its pid file nobody finds it any more: `down` could not end it.
            while not self.stopping and pid_file(self.settings).exists():
                self.tick()
                time.sleep(_TICK_SECONDS)
        finally:
            self.stop()

    def tick(self) -> None:
        """Look once after everything."""
        if self._is_due("postgres", _POSTGRES_SECONDS):
            self._keep_postgres()
        for child in self.children:
            if child.tick() and child is self.engine:
                self._engine_is_new = True
        if self.engine.state is State.HEALTHY:
            with _tolerated("start the reconciler"):
                self._keep_reconciler()
        with _tolerated("make an archive of the engine's classes"):
            self._archiver.tick(self.engine)
        if self._is_due("logs", _LOG_SECONDS):
            with _tolerated("cut the logs"):
                self._bound_logs()
        with _tolerated("write its status"):
            self._report()

    def stop(self) -> None:
        """End Airflow before the engine, which its tasks use, and PostgreSQL last."""
        if self._reconciler is not None:
            processes.end_group(self._reconciler, patience=5)
        self._archiver.stop()
        first, *others = self.children
        for child in others:
            child.ask_to_stop()
        for child in [*others, first]:
            child.stop()
            with _tolerated("write its status"):
                self._report()
        postgres.stop(self.settings)

    def _keep_postgres(self) -> None:
        try:
            postgres.start(self.settings)
            self._postgres_problem = ""
        except postgres.PostgresUnavailable as error:
            # Reported by `status`, and tried again: the engine's readers do not need the ledger.
            self._postgres_problem = str(error)

    def _postgres_status(self) -> dict[str, object]:
        state = State.FAILING if self._postgres_problem else State.HEALTHY
        server = postgres.process(self.settings)
        return {
            "name": "postgres",
            "pid": server.pid if server else None,
            "state": str(state),
            "reason": self._postgres_problem or ("" if server else "external"),
        }

    def _is_due(self, what: str, seconds: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + seconds
        return True

    def _keep_reconciler(self) -> None:
        """One process that looks every minute; anew with each engine, which may have lost calls."""
        running = self._reconciler
        if running is not None:
            if not self._engine_is_new and (
                processes.exit_code(running) is None
                or not self._is_due("reconciler", _RECONCILER_SECONDS)
            ):
                return
            processes.end_group(running, patience=5)
        self._engine_is_new = False
        every = str(self.settings.reconcile_seconds)
        start = processes.Start(
            # Behind everybody's queries: it is never urgent, except when it finds something.
            command=[
                *("nice", sys.executable, "-m", "countinghouse.cli"),
                *("reconcile", "--every", every),
            ],
            environment=processes.environment(self.settings),
            folder=self.settings.run,
            log=self.settings.logs / "reconcile.log",
        )
        self._reconciler = processes.spawn(self.settings, start)

    def _bound_logs(self) -> None:
        limit = self.settings.log_file_mb * 1_000_000
        for log in self.settings.logs.glob("*"):
            # The engine's own file rolls by itself.
            if log.suffix in (".out", ".log") and not log.name.startswith("engine."):
                processes.bound(log, limit)
        processes.bound(self.settings.logs / "engine.out", limit)

    def _report(self) -> None:
        components = [self._postgres_status(), *(child.describe() for child in self.children)]
        processes.replace(
            status_file(self.settings), {"pid": os.getpid(), "components": components}
        )


@contextlib.contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the installation's supervisor lock; ends the process if another one has it."""
    settings.run.mkdir(parents=True, exist_ok=True)
    with (settings.run / "supervisor.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"another supervisor runs in {settings.home}")
        processes.write_pid(pid_file(settings))
        yield
        pid_file(settings).unlink(missing_ok=True)
        status_file(settings).unlink(missing_ok=True)


def main() -> None:
    """Run in the foreground; `countinghouse up` starts this detached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-airflow", action="store_true")
    arguments = parser.parse_args()
    settings = settings_module.load()
    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("countinghouse").setLevel(logging.INFO)
    with only_one(settings):
        supervisor = Supervisor(settings, with_airflow=not arguments.no_airflow)

        def stop(*_: object) -> None:
            supervisor.stopping = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        supervisor.run()


if __name__ == "__main__":
    main()
