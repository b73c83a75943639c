"""Backup and restore of the ledger by PostgreSQL's own programs.

A restore is followed by what storage knows since: deliveries and publication sets of later days.
"""

import os
import subprocess
import tempfile
from pathlib import Path

import sqlalchemy as sa

from countinghouse.errors import CountinghouseError
from countinghouse.ledger import migrate, open_ledger, recovery
from countinghouse.ledger.recovery import Recovered
from countinghouse.services import postgres
from countinghouse.settings import Settings

# First of all in the restoring transaction, so that a failing restore changes nothing.
_DROP = "DROP SCHEMA IF EXISTS ops CASCADE;\n"


def backup(settings: Settings, path: Path) -> int:
    """Write the schema `ops` to `path` (pg_dump's custom format); returns its size in bytes."""
    open_ledger(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        raise CountinghouseError(f"{path} exists", remedy="name a file that does not")
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as copy:
        _run(settings, "pg_dump", "--format=custom", "--schema=ops", "--no-owner", output=copy)
        copy.flush()
        os.fsync(copy.fileno())
        os.link(copy.name, path)
    return path.stat().st_size


def restore(settings: Settings, path: Path, *, force: bool = False) -> Recovered:
    """Replace the ledger by a backup, then catch up with storage; all of the backup or nothing.

    Refuses a ledger with deliveries or publications, unless `force`.
    """
    if not path.is_file():
        raise CountinghouseError(f"{path} is not a file", remedy="name a backup")
    ledger = recovery.open_anew(settings)
    if not force and not recovery.is_empty(ledger):
        raise CountinghouseError(
            "the ledger is not empty: a restore replaces all of it",
            remedy="countinghouse ledger backup FILE first, then restore with --force",
        )
    with tempfile.NamedTemporaryFile("w+b") as script:
        script.write(_DROP.encode())
        script.flush()
        _run(settings, "pg_restore", "--no-owner", "--file=-", str(path), output=script)
        ledger.dispose()
        _run(settings, "psql", "--quiet", "--no-psqlrc", "--single-transaction",
             "--set=ON_ERROR_STOP=1", f"--file={script.name}")  # fmt: skip
    migrate(ledger)
    return recovery.absorb(settings, ledger)


def _run(settings: Settings, program: str, *arguments: str, output: object = None) -> None:
    """Run one of PostgreSQL's client programs on the ledger; its password stays out of `ps`."""
    url = sa.make_url(postgres.url(settings, "countinghouse", driver="psycopg"))
    connection = {
        "PGHOST": url.host or url.query.get("host"),
        "PGPORT": url.port and str(url.port),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
    }
    done = subprocess.run(
        [str(postgres.program(program)), *arguments],
        env=os.environ | {key: str(value) for key, value in connection.items() if value},
        stdin=subprocess.DEVNULL,
        stdout=output if output is not None else subprocess.DEVNULL,  # type: ignore[call-overload]
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise CountinghouseError(
            f"{program} failed: {done.stderr.decode(errors='replace').strip()[-800:]}",
            remedy="the ledger is as it was; check the file and the server",
        )
