"""A partition is a date: nothing else is claimed, described or published."""

from typing import Any

import pytest

from countinghouse import names
from countinghouse.errors import BadName, CountinghouseError
from countinghouse.ledger import open_ledger, tables
from countinghouse.planning.model_graph import Graph, Model, Shape
from countinghouse.planning.planner import Plan, State
from countinghouse.publishing.version import attempt_root
from countinghouse.runs.describe import described
from tests import harness

NO_DATE = "__HIVE_DEFAULT_PARTITION__"
DAY = "2026-01-01"
TABLE = "marts.only_dates"


@pytest.mark.parametrize("name", [NO_DATE, "", " ", "null", "2026-1-1"])
def test_fault_80_only_dates_name_partitions(name: str) -> None:
    with pytest.raises(BadName):
        names.partition(name)


def test_fault_80_a_partition_without_a_date_is_never_claimed(installation: Any) -> None:
    with pytest.raises(BadName):
        harness.publish_numbers(installation, TABLE, {DAY: [1], NO_DATE: [2]})
    with open_ledger(installation).connect() as connection:
        claimed = tables.claims.select().where(tables.claims.c.table_name == TABLE)
        assert connection.execute(claimed).all() == []


def test_fault_80_a_model_that_writes_a_row_without_a_date_is_not_published(
    installation: Any,
) -> None:
    model = Model(TABLE, "commerce", Shape.DAILY, (), "code", columns=harness.COLUMNS)
    with harness.claimed(installation, [(TABLE, DAY)]) as work:
        root = attempt_root(installation.warehouse, work.attempt.attempt_id)
        for dt in (DAY, NO_DATE):
            (root / TABLE / f"dt={dt}").mkdir(parents=True)
        with pytest.raises(CountinghouseError, match=f"{NO_DATE}.*nobody planned"):
            described(work, "branch", [model], Plan({TABLE: (DAY,)}), State(), Graph((model,)))
