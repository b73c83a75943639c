"""The metastore as a projection of the ledger: tables, columns, comments and pointers.

Tables are external and STORED AS PARQUET: sessions that are open see a moved pointer and an
added column in their next query, which they do not for tables made with USING parquet.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlparse

from countinghouse import names
from countinghouse.engine_session import run_script
from countinghouse.errors import CountinghouseError
from countinghouse.planning.model_graph import Column
from countinghouse.publishing import metastore_db
from countinghouse.publishing.metastore_db import Registered

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Longer statements make the metastore's transaction long, not faster.
_PARTITIONS_PER_STATEMENT = 500


@dataclass(frozen=True)
class TableSpec:
    """A published table as analysts see it."""

    name: str
    columns: tuple[Column, ...]
    comment: str
    partitioned: bool

    def to_json(self) -> dict[str, Any]:
        """For the ledger and the pointer log."""
        return {
            "columns": [[c.name, c.type, c.comment] for c in self.columns],
            "comment": self.comment,
            "partitioned": self.partitioned,
        }

    @classmethod
    def from_json(cls, name: str, content: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        columns = tuple(Column(*column) for column in content["columns"])
        return cls(name, columns, content["comment"], content["partitioned"])


def ensure_table(session: "SparkSession", spec: TableSpec, place: Path) -> bool:
    """Create the table at `place`, or add its new columns at the end; anything else is refused.

    Returns whether it was created.
    """
    names.table(spec.name)
    schema = spec.name.partition(".")[0]
    session.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    if not session.catalog.tableExists(spec.name):
        _create(session, spec, place)
        return True
    existing = _existing(session, spec)
    _refuse_other_shape(spec, existing)
    added = [c for c in _data_columns(spec) if c.name not in existing]
    if added:
        session.sql(f"ALTER TABLE {spec.name} ADD COLUMNS ({_declared(added)})")
    return False


def refuse_other_shape(before: TableSpec, spec: TableSpec) -> None:
    """Raise where a published table would lose a column, or one of its columns its type."""
    _refuse_other_shape(spec, _declared_types(before))


def _refuse_other_shape(spec: TableSpec, existing: Mapping[str, str]) -> None:
    wanted = _declared_types(spec)
    dropped = sorted(existing.keys() - wanted.keys())
    changed = sorted(n for n in existing.keys() & wanted.keys() if existing[n] != wanted[n])
    if changed or dropped:
        raise CountinghouseError(
            f"{spec.name}: columns changed type {changed} or vanished {dropped}; "
            "a published table only gains columns",
            remedy="publish the new shape under a new table name and deprecate this one",
        )


def as_declared(session: "SparkSession", spec: TableSpec) -> bool:
    """Whether the metastore has the table, external, in Parquet, with exactly these columns."""
    if not session.catalog.tableExists(spec.name):
        return False
    rows = session.sql(f"DESCRIBE TABLE EXTENDED {spec.name}").collect()
    # Columns are lower case, these are not.
    said = {row[0]: row[1] for row in rows}
    if said.get("Type") != "EXTERNAL" or "ParquetHiveSerDe" not in said.get("Serde Library", ""):
        return False
    if ("# Partition Information" in said) != spec.partitioned:
        return False
    if spec.partitioned and said.get("dt") != "string":
        return False
    return _existing(session, spec) == _declared_types(spec)


def is_declared(found: Registered | None, spec: TableSpec) -> bool:
    """The same of what the metastore's database holds."""
    return found is not None and fits(found, spec) and found.columns == _declared_types(spec)


def fits(found: Registered, spec: TableSpec) -> bool:
    """Whether it is the table that we made, but for columns that are still to be added."""
    if found.kind != "EXTERNAL_TABLE" or "ParquetHiveSerDe" not in found.serde:
        return False
    keys = {"dt": "string"} if spec.partitioned else {}
    return found.keys == keys and found.columns.items() <= _declared_types(spec).items()


def drop(session: "SparkSession", table: str, aside: Path) -> None:
    """Forget a table, or a view of its name; no file is touched.

    With a table that somebody made without EXTERNAL go the files that it points at, which may be
    published ones: it is pointed at directories below `aside` first.
    """
    name = names.table(table)
    if not session.catalog.tableExists(name):
        return
    kind = session.catalog.getTable(name).tableType
    if kind == "MANAGED":
        _point_aside(session, name, aside)
    session.sql(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} IF EXISTS {name}")


def _point_aside(session: "SparkSession", name: str, aside: Path) -> None:
    said = [row[0] for row in session.sql(f"DESCRIBE TABLE EXTENDED {name}").collect()]
    if "# Partition Information" in said:
        for number, row in enumerate(session.sql(f"SHOW PARTITIONS {name}").collect()):
            pairs = (pair.partition("=") for pair in row[0].split("/"))
            spec = ", ".join(f"`{key}`='{_quoted(unquote(value))}'" for key, _, value in pairs)
            place = _made(aside / str(number))
            session.sql(f"ALTER TABLE {name} PARTITION ({spec}) SET LOCATION '{place}'")
    session.sql(f"ALTER TABLE {name} SET LOCATION '{_made(aside / 'table')}'")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _existing(session: "SparkSession", spec: TableSpec) -> dict[str, str]:
    """Data columns that the metastore has, with their types."""
    # Not by the table's schema: that fails when the directory of a table has vanished.
    found: dict[str, str] = {}
    for name, kind, _ in session.sql(f"DESCRIBE TABLE {spec.name}").collect():
        if not name or name.startswith("#"):
            break
        # Spark shows them as they were written, the metastore compares them in lower case.
        found[name.lower()] = kind
    if spec.partitioned:
        found.pop("dt", None)
    return found


def _create(session: "SparkSession", spec: TableSpec, place: Path) -> None:
    partitioned = ""
    if spec.partitioned:
        comment = next(c.comment for c in spec.columns if c.name == "dt")
        partitioned = f"PARTITIONED BY (dt STRING COMMENT '{_quoted(comment)}')"
    session.sql(
        f"CREATE EXTERNAL TABLE IF NOT EXISTS {spec.name} ({_declared(_data_columns(spec))}) "
        f"COMMENT '{_quoted(spec.comment)}' {partitioned} STORED AS PARQUET LOCATION '{place}'"
    )


def _data_columns(spec: TableSpec) -> list[Column]:
    return [c for c in spec.columns if not (spec.partitioned and c.name == "dt")]


def _declared_types(spec: TableSpec) -> dict[str, str]:
    return {c.name: _plain(c.type) for c in _data_columns(spec)}


def _declared(columns: Iterable[Column]) -> str:
    return ", ".join(f"`{c.name}` {c.type} COMMENT '{_quoted(c.comment)}'" for c in columns)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ")


def _plain(sql_type: str) -> str:
    plain = sql_type.lower().replace(", ", ",").strip()
    return {"integer": "int", "long": "bigint", "numeric": "decimal"}.get(plain, plain)


def point(
    session: "SparkSession",
    spec: TableSpec,
    locations: Mapping[str, Path],
    present: Collection[str] | None = None,
) -> None:
    """Let each partition of the table read its new directory.

    `present` are those of them that the metastore has; it is asked where that is not known.
    """
    table = names.table(spec.name)
    if not spec.partitioned:
        session.sql(f"ALTER TABLE {table} SET LOCATION '{locations[names.WHOLE]}'")
        return
    known = partitions(session, table) if present is None else present
    new = sorted(dt for dt in locations if dt not in known)
    for start in range(0, len(new), _PARTITIONS_PER_STATEMENT):
        group = new[start : start + _PARTITIONS_PER_STATEMENT]
        added = " ".join(
            f"PARTITION (dt='{names.date(dt)}') LOCATION '{locations[dt]}'" for dt in group
        )
        session.sql(f"ALTER TABLE {table} ADD IF NOT EXISTS {added}")
    moved = [
        f"ALTER TABLE {table} PARTITION (dt='{names.date(dt)}') SET LOCATION '{locations[dt]}'"
        for dt in sorted(set(locations).intersection(known))
    ]
    run_script(session, moved)


def partitions(session: "SparkSession", table: str) -> set[str]:
    """The partitions that the metastore knows of."""
    rows = session.sql(f"SHOW PARTITIONS {names.table(table)}").collect()
    return {unquote(row[0]).removeprefix("dt=") for row in rows}


def drop_partitions(session: "SparkSession", spec: TableSpec, dts: Iterable[str]) -> None:
    """Forget partitions, whatever their names are; no file is touched."""
    for dt in sorted(dts):
        session.sql(f"ALTER TABLE {spec.name} DROP IF EXISTS PARTITION (dt='{_quoted(dt)}')")


def registered(
    session: "SparkSession", partitions: Iterable[tuple[str, str]]
) -> Mapping[str, Registered]:
    """What the metastore has of these tables and partitions; nothing where it cannot be looked at.

    A look at the embedded metastore's database takes what one statement about one table takes.
    """
    if not metastore_db.is_within_reach(session):
        return {}
    return metastore_db.of_partitions(session, partitions)


def locations(
    session: "SparkSession", specs: Mapping[str, TableSpec], partitions: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Path]:
    """Where the metastore says these partitions lie; nothing where it knows none."""
    wanted = list(partitions)
    if metastore_db.is_within_reach(session):
        known = metastore_db.of_partitions(session, wanted)
        found = {
            (table, dt): _location_of(known.get(table), specs[table], dt) for table, dt in wanted
        }
    else:
        found = {
            (table, dt): _described_location(session, specs[table], dt) for table, dt in wanted
        }
    return {partition: place for partition, place in found.items() if place}


def _location_of(found: Registered | None, spec: TableSpec, dt: str) -> Path | None:
    if found is None:
        return None
    return found.partitions.get(dt) if spec.partitioned else found.location


def _described_location(session: "SparkSession", spec: TableSpec, dt: str) -> Path | None:
    from pyspark.errors import AnalysisException

    partition = f"PARTITION (dt='{names.partition(dt)}')" if spec.partitioned else ""
    try:
        rows = session.sql(f"DESCRIBE TABLE EXTENDED {spec.name} {partition}").collect()
    except AnalysisException:
        return None
    # The partition's own location comes first, its table's later.
    found = next((row[1] for row in rows if row[0] == "Location"), None)
    return Path(unquote(urlparse(found).path)) if found else None
