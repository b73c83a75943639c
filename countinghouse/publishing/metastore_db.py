"""The engine's own metastore database, asked by SQL where statements would be one per partition.

Only the Derby in the engine's process is asked this way: a metastore elsewhere, and one whose
engine has its tasks run by a cluster, are asked through statements.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from countinghouse import names

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_URL = "spark.hadoop.javax.jdo.option.ConnectionURL"
_DRIVER = "org.apache.derby.iapi.jdbc.AutoloadedDriver"
# Derby makes code of each name in a list: some thousands of them are too much for a method.
_NAMES = 500
_NAMED = "FROM TBLS t JOIN DBS d ON d.DB_ID = t.DB_ID"
_NOTHING = "CAST(NULL AS VARCHAR(1))"
# One shape for all four, so that one query can ask for all.
_TABLES = f"""
    SELECT CAST('table' AS VARCHAR(9)) AS KIND, d.NAME AS SCHEMA_NAME, t.TBL_NAME,
        t.TBL_TYPE AS WHAT, s.LOCATION AS TEXT, e.SLIB AS SERDE
    {_NAMED}
    JOIN SDS s ON s.SD_ID = t.SD_ID
    LEFT JOIN SERDES e ON e.SERDE_ID = s.SERDE_ID
"""
_KEYS = f"""
    SELECT CAST('key' AS VARCHAR(9)) AS KIND, d.NAME AS SCHEMA_NAME, t.TBL_NAME,
        k.PKEY_NAME AS WHAT, k.PKEY_TYPE AS TEXT, {_NOTHING} AS SERDE
    {_NAMED}
    JOIN PARTITION_KEYS k ON k.TBL_ID = t.TBL_ID
"""
_COLUMNS = f"""
    SELECT CAST('column' AS VARCHAR(9)) AS KIND, d.NAME AS SCHEMA_NAME, t.TBL_NAME,
        c.COLUMN_NAME AS WHAT, c.TYPE_NAME AS TEXT, {_NOTHING} AS SERDE
    {_NAMED}
    JOIN SDS s ON s.SD_ID = t.SD_ID
    JOIN COLUMNS_V2 c ON c.CD_ID = s.CD_ID
"""
_PARTITIONS = f"""
    SELECT CAST('partition' AS VARCHAR(9)) AS KIND, d.NAME AS SCHEMA_NAME, t.TBL_NAME,
        p.PART_NAME AS WHAT, s.LOCATION AS TEXT, {_NOTHING} AS SERDE
    {_NAMED}
    JOIN PARTITIONS p ON p.TBL_ID = t.TBL_ID
    JOIN SDS s ON s.SD_ID = p.SD_ID
"""


@dataclass
class Registered:
    """One table or view as the metastore has it; paths are absolute."""

    kind: str
    serde: str
    location: Path | None
    keys: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    partitions: dict[str, Path] = field(default_factory=dict)


def is_within_reach(session: "SparkSession") -> bool:
    """Whether the engine's tasks run in the process that has the database open."""
    url, master = (session.conf.get(name, "") or "" for name in (_URL, "spark.master"))
    return url.startswith("jdbc:derby:") and master.startswith("local")


def everything(session: "SparkSession") -> Mapping[str, Registered]:
    """All tables by name, with all their partitions."""
    return _registered(session, "1 = 1", ["1 = 1"])


def of_partitions(
    session: "SparkSession", partitions: Iterable[tuple[str, str]]
) -> Mapping[str, Registered]:
    """Tables by name with these of their partitions, as far as the metastore has them.

    It costs what the partitions cost, whatever the history of their tables is.
    """
    wanted = list(partitions)
    schemas: dict[str, set[str]] = {}
    for table in {table for table, _ in wanted}:
        schema, _, name = names.table(table).partition(".")
        schemas.setdefault(schema, set()).add(name)
    tables = " OR ".join(
        f"(d.NAME = '{schema}' AND t.TBL_NAME IN ({_texts(found)}))"
        for schema, found in schemas.items()
    )
    dts = sorted({names.date(dt) for _, dt in wanted if dt != names.WHOLE})
    parts = [
        f"p.PART_NAME IN ({_texts(f'dt={dt}' for dt in dts[start : start + _NAMES])})"
        for start in range(0, len(dts), _NAMES)
    ]
    return _registered(session, f"({tables})", parts) if wanted else {}


def _registered(
    session: "SparkSession", tables: str, parts: Sequence[str]
) -> dict[str, Registered]:
    shapes = [f"{query} WHERE {tables}" for query in (_TABLES, _KEYS, _COLUMNS)]
    partitions = [f"{_PARTITIONS} WHERE {tables} AND {some}" for some in parts]
    rows = _rows(session, " UNION ALL ".join([*shapes, *partitions[:1]]))
    for query in partitions[1:]:
        rows += _rows(session, query)
    found: dict[str, Registered] = {}
    for kind, schema, table, what, text, serde in rows:
        if kind == "table":
            found[f"{schema}.{table}"] = Registered(what, serde or "", _path(text))
    for kind, schema, table, what, text, _ in rows:
        of_table = found.get(f"{schema}.{table}")
        # What was made or dropped meanwhile is compared in the next round.
        if of_table and kind == "column":
            of_table.columns[what] = text
        elif of_table and kind == "key":
            of_table.keys[what] = text
        elif of_table and kind == "partition":
            of_table.partitions[unquote(what).removeprefix("dt=")] = _path(text) or Path()
    return found


def _texts(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in sorted(values))


def _rows(session: "SparkSession", query: str) -> list[Any]:
    reader = session.read.format("jdbc").options(
        url=session.conf.get(_URL),
        driver=_DRIVER,
        query=query,
        # Without locks. With them this and a statement that changes a table can wait for each
        # other, and every catalog call with them, for the 20 s after which Derby notices.
        sessionInitStatement="SET CURRENT ISOLATION = UR",
    )
    return list(reader.load().collect())


def _path(location: str | None) -> Path | None:
    return Path(unquote(urlparse(location).path)) if location else None
