"""Answers a failing gate: which rule, how many rows, what they look like, and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from countinghouse import names
from countinghouse.dbt import dbt_manifest
from countinghouse.dbt.dbt_graph import load_graph
from countinghouse.errors import CountinghouseError
from countinghouse.ledger import open_ledger
from countinghouse.ledger.rows import tuples
from countinghouse.ledger.tables import attempts, gate_results, pointers, publications, versions
from countinghouse.names import Feed
from countinghouse.planning.staleness import with_ancestors
from countinghouse.questions import quality
from countinghouse.questions.rules import Rule, feed_of, rule_of
from countinghouse.settings import Settings

# What the gates call the rows that break a rule, in the order of preference.
_ROWS = ("failures", "unexpected_count", "quarantined")
# Results after the one that is asked about that are looked through for its partition.
_LATER = 500


@dataclass(frozen=True)
class Visible:
    """The version that readers see of a partition."""

    version_id: str
    at: datetime
    rows: int


@dataclass(frozen=True)
class Explanation:
    """A gate result with everything that the person on call needs; no value of a PII column."""

    table: str
    finding: quality.Finding
    rule: Rule
    rows: int | None
    # What the gate said, for people: a sample of rows, or why a delivery was refused
    message: str
    observed: Mapping[str, Any]
    run_id: str
    kind: str
    deliveries: tuple[tuple[Feed, str], ...]
    visible: Visible | None
    # The newest result of the same rule for the same partition, if there is one since
    since: quality.Finding | None


def explanation(settings: Settings, result_id: int) -> Explanation:
    """Explain one gate result by its id; raises CountinghouseError for an id that is none."""
    ledger = open_ledger(settings)
    with ledger.connect() as connection:
        row = connection.execute(
            sa.select(gate_results, attempts.c.kind, attempts.c.run_id)
            .join(attempts, attempts.c.attempt_id == gate_results.c.attempt_id, isouter=True)
            .where(gate_results.c.result_id == result_id)
        ).one_or_none()
        if row is None:
            raise CountinghouseError(
                f"there is no gate result {result_id}", remedy="see the quality history"
            )
        visible = _visible(connection, row.table_name, row.dt)
    observed = dict(row.observed)
    message = str(observed.pop("message", "") or observed.pop("reason", ""))
    return Explanation(
        row.table_name,
        quality.finding(row),
        rule_of(settings, row.table_name, row.dt, row.gate, row.rule),
        next((observed[key] for key in _ROWS if observed.get(key) is not None), None),
        names.printable(message),
        observed,
        row.run_id or "",
        row.kind or "",
        _deliveries(settings, row.table_name, row.dt),
        visible,
        _since(ledger, row),
    )


def _visible(connection: sa.Connection, table: str, dt: str) -> Visible | None:
    query = (
        sa.select(versions.c.version_id, publications.c.published_at, versions.c.rows)
        .join(pointers, pointers.c.version_id == versions.c.version_id)
        .join(
            publications,
            (publications.c.table_name == pointers.c.table_name)
            & (publications.c.dt == pointers.c.dt)
            & (publications.c.epoch == pointers.c.epoch),
        )
        .where(pointers.c.table_name == table, pointers.c.dt == dt)
        .limit(1)
    )
    found = tuples(connection.execute(query))
    return Visible(*found[0]) if found else None


def _since(ledger: sa.Engine, row: sa.Row[Any]) -> quality.Finding | None:
    """The newest later result of the rule that covers the partition."""
    query = (
        sa.select(gate_results)
        .where(
            gate_results.c.table_name == row.table_name,
            gate_results.c.rule == row.rule,
            gate_results.c.result_id > row.result_id,
        )
        .order_by(gate_results.c.result_id.desc())
        .limit(_LATER)
    )
    with ledger.connect() as connection:
        found = (quality.finding(later) for later in connection.execute(query))
        return next((later for later in found if _covers(later.dt, row.dt)), None)


def _covers(span: str, dt: str) -> bool:
    first, _, last = span.partition("..")
    return first <= dt <= (last or first)


def _deliveries(settings: Settings, table: str, dt: str) -> tuple[tuple[Feed, str], ...]:
    """The cells of the delivery calendar that a partition may come from; none without a day."""
    try:
        names.date(dt)
    except CountinghouseError:
        return ()
    if dt == names.OPEN:
        return ()
    return tuple((feed, dt) for feed in feeds_above(settings, table))


def feeds_above(settings: Settings, table: str) -> Sequence[Feed]:
    """The feeds that a table is made of; none while the models are not parsed."""
    if feed := feed_of(table):
        return [feed]
    if not dbt_manifest.is_parsed(settings):
        return []
    graph = load_graph(settings)
    models = with_ancestors(graph, [graph.by_name[table]] if table in graph.by_name else [])
    parents = {edge.parent for model in models for edge in model.edges}
    return sorted(feed for parent in parents if (feed := feed_of(parent)))
