"""Reading back where the metastore points, however many partitions have no file to show for it."""

from pathlib import Path
from typing import Any

import pytest

from countinghouse.publishing import metastore, pointers
from countinghouse.publishing.reconcile import reconcile
from tests.harness import publish_numbers, spec


@pytest.mark.parametrize("count", [2, 9])
def test_a_moved_pointer_of_an_empty_partition_is_found(
    installation: Any, session: Any, count: int
) -> None:
    table = f"marts.empty_{count}"
    days = [f"2026-01-{n:02d}" for n in range(1, count + 1)]
    versions = publish_numbers(installation, table, {day: [] for day in days})
    expected = {(table, version.dt): version.location for version in versions}
    specs = {table: spec(table)}
    assert pointers.wrong_pointers(installation, session, specs, expected) == {}
    session.sql(f"ALTER TABLE {table} PARTITION (dt='{days[0]}') SET LOCATION '/tmp/elsewhere'")
    metastore.drop_partitions(session, spec(table), [days[1]])
    found = pointers.wrong_pointers(installation, session, specs, expected)
    assert found == {(table, days[0]): Path("/tmp/elsewhere"), (table, days[1]): None}
    (restored,) = (line for line in reconcile(installation) if line.startswith(f"{table}:"))
    assert "restored 2 pointers" in restored
    assert pointers.wrong_pointers(installation, session, specs, expected) == {}
