"""Finds where the metastore does not say what the ledger says: a table, its shape, its pointers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from countinghouse.publishing import metastore, metastore_db, pointers
from countinghouse.publishing.metastore import TableSpec
from countinghouse.publishing.metastore_db import Registered
from countinghouse.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Difference:
    """How one table differs; `reshaped` says that it is missing or not the table it should be."""

    reshaped: bool = False
    wrong: frozenset[str] = frozenset()
    extra: frozenset[str] = frozenset()

    @property
    def dts(self) -> frozenset[str]:
        """All partitions concerned."""
        return self.wrong | self.extra

    def __bool__(self) -> bool:
        return self.reshaped or bool(self.dts)


def differences(
    settings: Settings,
    session: "SparkSession",
    tables: Mapping[str, tuple[TableSpec, Mapping[str, Path]]],
) -> dict[str, Difference]:
    """Tables that are not as declared or do not read the directories they should, all at once."""
    if not metastore_db.is_within_reach(session):
        found = {
            name: difference(settings, session, spec, expected)
            for name, (spec, expected) in tables.items()
        }
    else:
        registered = metastore_db.everything(session)
        found = {
            name: _compared(registered.get(name), spec, expected)
            for name, (spec, expected) in tables.items()
        }
    return {name: differs for name, differs in found.items() if differs}


def _compared(
    found: Registered | None, spec: TableSpec, expected: Mapping[str, Path]
) -> Difference:
    if found is None or not metastore.is_declared(found, spec):
        return Difference(reshaped=True, wrong=frozenset(expected))
    if not spec.partitioned:
        wrong = {dt for dt, place in expected.items() if found.location != place}
        return Difference(wrong=frozenset(wrong))
    wrong = {dt for dt, place in expected.items() if found.partitions.get(dt) != place}
    extra = found.partitions.keys() - expected.keys()
    return Difference(wrong=frozenset(wrong), extra=frozenset(extra))


def difference(
    settings: Settings,
    session: "SparkSession",
    spec: TableSpec,
    expected: Mapping[str, Path],
    *,
    only: Collection[str] | None = None,
) -> Difference:
    """Compare a table with the directories it should read; `only` limits it to some partitions."""
    if not metastore.as_declared(session, spec):
        return Difference(reshaped=True, wrong=frozenset(expected))
    relative = {
        (spec.name, dt): str(place.relative_to(settings.warehouse))
        for dt, place in expected.items()
    }
    wrong = pointers.wrong_pointers(settings, session, {spec.name: spec}, relative)
    extra: set[str] = set()
    if spec.partitioned:
        extra = metastore.partitions(session, spec.name) - set(expected)
        if only is not None:
            extra &= set(only)
    return Difference(wrong=frozenset(dt for _, dt in wrong), extra=frozenset(extra))
