"""A lease is renewed as long as its holder works."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from countinghouse.ledger import attempts
from countinghouse.ledger.tables import attempts as rows
from tests.harness import claimed


class Restarting:
    """A ledger that does not answer the first calls."""

    def __init__(self, ledger: sa.Engine, failures: int) -> None:
        self.ledger, self.failures = ledger, failures

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        if self.failures:
            self.failures -= 1
            raise sa.exc.OperationalError("update", {}, OSError("the server is restarting"))
        with self.ledger.begin() as connection:
            yield connection


def test_a_heartbeat_goes_on_after_the_ledger_was_away(
    installation: Any, ledger: sa.Engine
) -> None:
    with claimed(installation, [("marts.beating", "2026-01-01")]) as work:

        def renewed() -> Any:
            with ledger.connect() as connection:
                query = sa.select(rows.c.heartbeat_at)
                query = query.where(rows.c.attempt_id == work.attempt.attempt_id)
                return connection.execute(query).scalar_one()

        before = renewed()
        restarting: Any = Restarting(ledger, failures=2)
        with attempts.heartbeat(restarting, work.attempt, every=0.05):
            end = time.monotonic() + 1.5
            while renewed() == before and time.monotonic() < end:
                time.sleep(0.05)
        assert restarting.failures == 0
        assert renewed() > before
