"""Tables of databases as deliveries: JSON lines with a manifest, out of one snapshot.

The database itself counts the rows and sums the money, in the transaction that is read: the
manifest announces both, so that landing can tell whether everything came.
"""

import datetime
import gzip
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from countinghouse import names
from countinghouse.contracts import Contract
from countinghouse.deliveries.delivery_folders import MANIFEST
from countinghouse.errors import CountinghouseError
from countinghouse.names import plus_days
from countinghouse.settings import Settings

_FILE = "rows.jsonl.gz"
_ROWS_AT_ONCE = 5000


def extract(settings: Settings, contract: Contract, dt: str) -> Path:
    """Take out what a feed's query gives for a date; returns the complete delivery's folder.

    Doing it again replaces the delivery of that date; equal rows make equal files. In the query
    `:dt` and `:next_dt` are the date and the one after. Raises CountinghouseError, also for the
    past of a query without them: a table as it is now is not that of another day.
    """
    if dt < yesterday() and not is_dated(contract):
        raise CountinghouseError(
            f"{contract.feed} dt={dt}: its query gives what is there now, not on that day",
            remedy="restrict it by :dt, or extract yesterday",
        )
    dates = {"dt": names.date(dt), "next_dt": plus_days(dt, 1)}
    folder = settings.landing_root / contract.system / contract.name / f"dt={dt}"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".extract-") as scratch:
        file = Path(scratch) / _FILE
        try:
            with _snapshot(settings, contract) as connection:
                manifest = _announced(connection, contract, dates)
                _write(file, _rows(connection, contract, dates))
        except sa.exc.SQLAlchemyError as error:
            raise _failed(contract, dt, error) from None
        content = file.read_bytes()
        manifest["files"] = [
            {
                "name": _FILE,
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        ]
        # Without its manifest the delivery is not complete while it is replaced.
        (folder / MANIFEST).unlink(missing_ok=True)
        shutil.move(file, folder / _FILE)
        whole = Path(scratch) / MANIFEST
        whole.write_text(json.dumps(manifest, indent=1))
        whole.replace(folder / MANIFEST)
    return folder


def yesterday() -> str:
    """The last closed day, UTC."""
    return plus_days(datetime.datetime.now(datetime.UTC).date().isoformat(), -1)


def is_dated(contract: Contract) -> bool:
    """Whether the feed's query tells one day from another."""
    assert contract.extract
    return bool(_used(sa.text(contract.extract.query), {"dt": "", "next_dt": ""}))


def _failed(contract: Contract, dt: str, error: sa.exc.SQLAlchemyError) -> CountinghouseError:
    # The driver's own words: SQLAlchemy's repeat the statement with its parameters.
    reason = str(getattr(error, "orig", None) or type(error).__name__).strip()
    return CountinghouseError(
        f"{contract.feed} dt={dt}: not extracted: {names.printable(reason)}",
        remedy=f"mend landing.extract in {contract.path}:{contract.line}, or the database",
    )


def _snapshot(settings: Settings, contract: Contract) -> sa.Connection:
    assert contract.extract
    url = settings.databases.get(contract.extract.database)
    if url is None:
        raise CountinghouseError(
            f"{contract.feed}: no URL of the database {contract.extract.database!r} is set",
            remedy="add it to databases in settings.toml, or to COUNTINGHOUSE_DATABASES as JSON",
        )
    engine = sa.create_engine(url.get_secret_value(), poolclass=sa.NullPool)
    return engine.connect().execution_options(
        isolation_level="REPEATABLE READ", stream_results=True, max_row_buffer=_ROWS_AT_ONCE
    )


def _query(contract: Contract) -> str:
    assert contract.extract
    return f"({contract.extract.query.strip().rstrip(';')}) as extracted"


def _announced(
    connection: sa.Connection, contract: Contract, dates: Mapping[str, str]
) -> dict[str, Any]:
    query = _query(contract)

    def asked(what: str, rest: str = "") -> list[Any]:
        statement = sa.text(f"select {what} from {query} {rest}")
        return list(connection.execute(statement, _used(statement, dates)))

    control: dict[str, Any] = {}
    for money in contract.money:
        amount = _quoted(connection, contract.column(money.column).header)
        if money.currency_column:
            currency = _quoted(connection, contract.column(money.currency_column).header)
            sums = asked(f"{currency}, sum({amount})", f"group by {currency}")
            control[money.column] = {str(c): _plain(s) for c, s in sums if s is not None}
        else:
            ((total,),) = asked(f"coalesce(sum({amount}), 0)")
            control[money.column] = _plain(total)
    ((rows,),) = asked("count(*)")
    return {"rows": rows, "control": control}


def _rows(
    connection: sa.Connection, contract: Contract, dates: Mapping[str, str]
) -> Iterator[Mapping[str, Any]]:
    keys = ", ".join(_quoted(connection, contract.column(key).header) for key in contract.identity)
    statement = sa.text(f"select * from {_query(contract)} order by {keys}")
    for row in connection.execute(statement, _used(statement, dates)):
        yield dict(row._mapping)


def _used(statement: sa.TextClause, dates: Mapping[str, str]) -> dict[str, str]:
    known = statement.compile().params
    return {name: value for name, value in dates.items() if name in known}


def _quoted(connection: sa.Connection, name: str) -> str:
    return str(connection.dialect.identifier_preparer.quote_identifier(name))


def _write(file: Path, rows: Iterator[Mapping[str, Any]]) -> None:
    # Neither name nor time in the header: equal rows are equal bytes.
    with file.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        for row in rows:
            line = {name: _json(value) for name, value in row.items()}
            packed.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


def _json(value: Any) -> Any:
    if value is None or isinstance(value, bool | str | int | dict | list):
        return value
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return _plain(value)


def _plain(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
