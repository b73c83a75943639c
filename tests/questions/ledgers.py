"""Rows of the ledger for tests of what people ask: a day of a feed, and a year of everything."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from countinghouse.contracts import load_contracts
from countinghouse.dbt.dbt_graph import load_graph
from countinghouse.ledger import tables
from countinghouse.ledger.state import load_state
from countinghouse.names import dates_between
from countinghouse.planning import planner
from countinghouse.planning.model_graph import Graph, Model, Shape
from countinghouse.planning.planner import Input, Published, State
from countinghouse.settings import Settings

EMPTIED = (
    "gate_results, conservation, inputs, pointers, publications, intents, publication_sets,"
    " claims, slices, holds, outbox, deliveries, arrivals, versions, attempts"
)
RULES = 6


def empty(ledger: sa.Engine) -> None:
    """Forget everything."""
    names = ", ".join(f"ops.{name.strip()}" for name in EMPTIED.split(","))
    with ledger.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))


def insert(ledger: sa.Engine, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows as they are."""
    listed = [dict(row) for row in rows]
    with ledger.begin() as connection:
        for first in range(0, len(listed), 5000):
            connection.execute(table.insert(), listed[first : first + 5000])


def attempt(ledger: sa.Engine, attempt_id: str, kind: str = "build") -> None:
    """An attempt that has ended."""
    row = dict.fromkeys(("run_id", "scope", "session_id", "host"), attempt_id)
    numbers = {"pid": 1, "pid_started": 1}
    more = {"attempt_id": attempt_id, "kind": kind, "state": "done"}
    insert(ledger, tables.attempts, [row | numbers | more])


def delivery(
    ledger: sa.Engine, feed: str, day: str, *, version: int = 1, seq: int = 0, **changes: Any
) -> None:
    """A row of the delivery log."""
    more = {"version": version, "seq": seq, **changes}
    insert(ledger, tables.deliveries, [logged(feed, day) | more])


def logged(feed: str, day: str) -> dict[str, Any]:
    """The first version of a delivery, as the log has it."""
    return {
        "feed": feed,
        "dt": day,
        "seq": 0,
        "version": 1,
        "digest": digest(f"{feed} {day}"),
        "files": [{"name": "a.csv", "sha256": "ab" * 32, "bytes": 10, "rows": None}],
        "control": {},
        "status": "accepted",
        "reason": None,
    }


def gate(ledger: sa.Engine, attempt_id: str, rule: str, *, passed: bool, **changes: Any) -> int:
    """A gate result; its id."""
    row = {
        "attempt_id": attempt_id,
        "table_name": "marts.rpt_sales_daily",
        "dt": "2026-03-02",
        "gate": "dbt",
        "rule": rule,
        "severity": "block",
        "passed": passed,
        "observed": {},
    }
    statement = tables.gate_results.insert().returning(tables.gate_results.c.result_id)
    with ledger.begin() as connection:
        return int(connection.execute(statement, row | changes).scalar_one())


def published(ledger: sa.Engine, table: str, day: str, *, rows: int = 1, **changes: Any) -> str:
    """A published version of a partition; its id."""
    version_id = f"a/{table}/{day}"
    insert(ledger, tables.versions, [version(table, day, rows) | changes])
    insert(ledger, tables.publications, [publication(table, day)])
    insert(ledger, tables.pointers, [pointer(table, day)])
    return version_id


def version(table: str, day: str, rows: int = 1) -> dict[str, Any]:
    """A row of `versions`."""
    return {
        "version_id": f"a/{table}/{day}",
        "table_name": table,
        "dt": day,
        "attempt_id": "a",
        "location": f"versions/a/{table}/dt={day}",
        "format_version": 1,
        "files": 1,
        "bytes": 1000,
        "rows": rows,
        "money": {},
        "digest": digest(f"{table} {day}"),
        "fingerprint": "",
        "inputs_digest": "",
        "slices": None,
    }


def pointer(table: str, day: str) -> dict[str, Any]:
    """A row of `pointers`."""
    return {"table_name": table, "dt": day, "version_id": f"a/{table}/{day}", "epoch": 1}


def publication(table: str, day: str) -> dict[str, Any]:
    """A row of `publications`."""
    return pointer(table, day) | {"set_id": "s", "previous_version": None}


def digest(text: str) -> str:
    """Any digest."""
    return hashlib.sha256(text.encode()).hexdigest()


def fill_a_year(settings: Settings, ledger: sa.Engine, last: str, days: int = 365) -> int:
    """Every feed and every model on each day, nothing stale, gates included; rows of gates."""
    dates = dates_between((dt.date.fromisoformat(last) - dt.timedelta(days - 1)).isoformat(), last)
    contracts = load_contracts(settings.project)
    attempt(ledger, "a")
    insert(ledger, tables.deliveries, [logged(feed, day) for day in dates for feed in contracts])
    raw = {contract.feed.raw: contract for contract in contracts.values()}
    rows = []
    state = _state(ledger)
    for table, contract in raw.items():
        for day in dates:
            inputs = planner.inputs_digest(planner.raw_inputs(table, day, state))
            more = {"fingerprint": contract.fingerprint, "inputs_digest": inputs}
            rows.append(version(table, day) | more)
    insert(ledger, tables.slices, _slices(list(raw), dates))
    _publish(ledger, rows)
    graph = load_graph(settings)
    state = _state(ledger)
    for model in graph.models:
        built = _built(model, state, graph)
        found = {
            (row["table_name"], row["dt"]): Published(*(row[name] for name in Published._fields))
            for row in built
        }
        _publish(ledger, built)
        # The chain that a history was folded from is read from the ledger alone.
        state = _state(ledger) if model.shape is Shape.HISTORY else state.with_built(found)
    gates = list(_gates([*raw, *(m.name for m in graph.models)], dates))
    insert(ledger, tables.gate_results, gates)
    with ledger.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("ANALYZE"))
    return len(gates)


def _slices(feeds: list[str], dates: list[str]) -> Iterator[dict[str, Any]]:
    for table in feeds:
        for day in dates:
            yield {
                "source": table,
                "delivery_dt": day,
                "business_date": day,
                "version_id": f"a/{table}/{day}",
                "rows": 1,
                "digest": digest(f"{table} {day}"),
                "money": {},
            }


def _state(ledger: sa.Engine) -> State:
    with ledger.connect() as connection:
        return load_state(connection)


def _built(model: Model, state: State, graph: Graph) -> list[dict[str, Any]]:
    rows = []
    for day in sorted(planner.wanted(model, state, graph)):
        inputs = planner.resolve(model, day, state, graph)
        more = {
            "fingerprint": model.fingerprint,
            "inputs_digest": planner.inputs_digest(inputs),
            "inputs": inputs,
        }
        rows.append(version(model.name, day) | more)
    return rows


def _publish(ledger: sa.Engine, rows: list[dict[str, Any]]) -> None:
    inputs = {row["version_id"]: row.pop("inputs", ()) for row in rows}
    insert(ledger, tables.versions, rows)
    insert(ledger, tables.inputs, _inputs(inputs))
    insert(ledger, tables.publications, [publication(r["table_name"], r["dt"]) for r in rows])
    insert(ledger, tables.pointers, [pointer(r["table_name"], r["dt"]) for r in rows])


def _inputs(found: Mapping[str, tuple[Input, ...]]) -> Iterator[dict[str, Any]]:
    for version_id, inputs in found.items():
        for i in inputs:
            yield {
                "version_id": version_id,
                "input_table": i.table,
                "input_dt": i.dt,
                "role": i.role,
                "digest": i.digest,
            }


def _gates(names: list[str], dates: list[str]) -> Iterator[dict[str, Any]]:
    """Every day one attempt per table; every hundredth result has not passed."""
    n = 0
    for day in dates:
        for table in names:
            for rule in range(RULES):
                n += 1
                yield {
                    "attempt_id": f"a {day}",
                    "table_name": table,
                    "dt": day,
                    "gate": "dbt",
                    "rule": f"rule_{rule}",
                    "severity": "block" if rule else "warn",
                    "passed": n % 100 != 0,
                    "observed": {"failures": 3},
                    "evaluated_at": f"{day} 12:00+00",
                }
