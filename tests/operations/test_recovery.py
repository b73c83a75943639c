"""Metastore and ledger are rebuilt from what is left: the ledger, a backup, or storage alone."""

import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from countinghouse.errors import CountinghouseError
from countinghouse.ledger import open_ledger, recovery, tables
from countinghouse.ledger.backup import backup, restore
from countinghouse.ledger.holds import Hold
from countinghouse.planning.planner import Input
from countinghouse.publishing import catalog
from countinghouse.publishing.rollback import release, rollback
from countinghouse.services import postgres
from tests.harness import publish_numbers, read_numbers

DAY, NEXT = "2026-01-01", "2026-01-02"
HOLD = Hold("wrong rates", "finance")
# Tables whose files the tests of faults destroy; no other table may have a problem.
DAMAGED = re.compile(r"/marts\.(f[0-9a-f]{10}_(daily|whole)|damaged)/")


@pytest.fixture
def elsewhere(installation: Any) -> Iterator[Any]:
    """The same home with another, empty ledger."""
    url = sa.make_url(postgres.url(installation, "countinghouse", driver="psycopg"))
    admin = {"host": url.query["host"], "user": "postgres", "dbname": "postgres"}
    with psycopg.connect(**admin, autocommit=True) as connection:
        connection.execute("CREATE DATABASE recovered")
    text = url.set(database="recovered").render_as_string(hide_password=False)
    settings = installation.model_copy(update={"ledger_url": SecretStr(text)})
    yield settings
    open_ledger(settings).dispose()
    with psycopg.connect(**admin, autocommit=True) as connection:
        connection.execute("DROP DATABASE recovered")


def published(settings: Any) -> list[tuple[Any, ...]]:
    """Everything that decides what readers see and what the planner thinks of it."""
    pointers, versions = tables.pointers, tables.versions
    query = (
        sa.select(
            pointers,
            versions.c.digest,
            versions.c.rows,
            versions.c.money,
            versions.c.fingerprint,
            versions.c.inputs_digest,
            versions.c.slices,
            versions.c.location,
        )
        .join(versions, versions.c.version_id == pointers.c.version_id)
        .order_by(pointers.c.table_name, pointers.c.dt)
    )
    return rows(settings, query)


def rows(settings: Any, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
    with open_ledger(settings).connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def slices(settings: Any) -> list[tuple[Any, ...]]:
    s = tables.slices
    columns = (s.c.source, s.c.delivery_dt, s.c.business_date, s.c.rows, s.c.digest)
    return rows(settings, sa.select(*columns).order_by(*columns[:3]))


def held(settings: Any) -> list[tuple[Any, ...]]:
    h = tables.holds
    columns = (h.c.table_name, h.c.dt, h.c.version_id, h.c.reason, h.c.owner)
    return rows(settings, sa.select(*columns).where(h.c.released_at.is_(None)).order_by(*columns))


def events(digest: str) -> dict[str, Any]:
    return {DAY: {"dates": {DAY: {"rows": 1, "digest": digest, "money": {"amount USD": 1}}}}}


def a_past(settings: Any) -> None:
    """Publications, a rollback that holds, one that was released, a confirmation."""
    for numbers in ([1, 2], [3]):
        publish_numbers(settings, "marts.recovered", {DAY: numbers, NEXT: []})
        publish_numbers(settings, "marts.recovered_whole", {"all": numbers})
        sliced = events(str(numbers))
        publish_numbers(settings, "raw.test__recovered", {DAY: numbers}, slices=sliced)
    rollback(settings, "marts.recovered", DAY, hold=HOLD)
    rollback(settings, "marts.recovered_whole", "all", hold=HOLD)
    release(settings, "marts.recovered_whole", "all")
    read = [Input("raw.test__recovered", DAY, "slice", "read again")]
    publish_numbers(settings, "marts.recovered", {NEXT: []}, inputs=read)


def test_fault_99_an_empty_ledger_is_rebuilt_from_storage_alone(
    installation: Any, elsewhere: Any
) -> None:
    a_past(installation)

    found = catalog.rebuild_ledger(elsewhere)

    assert [problem for problem in found.problems if not DAMAGED.search(problem)] == []
    assert published(elsewhere) == published(installation)
    assert slices(elsewhere) == slices(installation)
    assert held(elsewhere) == held(installation)
    assert ("marts.recovered", DAY) in {row[:2] for row in held(elsewhere)}


def test_a_rebuilt_ledger_publishes_on(installation: Any, elsewhere: Any, session: Any) -> None:
    table = "marts.recovered_on"
    publish_numbers(installation, table, {DAY: [1]})
    catalog.rebuild_ledger(elsewhere)

    publish_numbers(elsewhere, table, {DAY: [2]})

    assert read_numbers(session, table) == {DAY: [2]}
    # The first ledger learns of it from storage as well.
    catalog.catch_up(installation)
    assert published(installation) == published(elsewhere)


def test_a_version_without_a_passed_audit_is_not_published(
    installation: Any, elsewhere: Any
) -> None:
    table = "marts.recovered_unaudited"
    version = publish_numbers(installation, table, {DAY: [1]})[0]
    audit = installation.warehouse / version.location / "_audit.json"
    verdict = json.loads(audit.read_text())
    audit.write_text(json.dumps({**verdict, "passed": False}))
    try:
        found = catalog.rebuild_ledger(elsewhere)
    finally:
        audit.write_text(json.dumps(verdict))

    assert [problem for problem in found.problems if table in problem] != []
    assert [row for row in published(elsewhere) if row[0] == table] == []


def test_a_lost_directory_is_known_as_lost(installation: Any, elsewhere: Any) -> None:
    table = "marts.recovered_lost"
    version = publish_numbers(installation, table, {DAY: [1]})[0]
    folder = installation.warehouse / version.location
    folder.rename(folder.with_name("elsewhere"))
    try:
        catalog.rebuild_ledger(elsewhere)
    finally:
        folder.with_name("elsewhere").rename(folder)

    versions = tables.versions
    lost = sa.select(versions.c.version_id).where(versions.c.collected_at.is_not(None))
    assert (version.version_id,) in rows(elsewhere, lost)


def test_only_an_empty_ledger_is_rebuilt(installation: Any) -> None:
    publish_numbers(installation, "marts.recovered_not", {DAY: [1]})

    with pytest.raises(CountinghouseError, match="not empty"):
        catalog.rebuild_ledger(installation)


def test_deliveries_come_back_with_their_positions(installation: Any, elsewhere: Any) -> None:
    folder = installation.archive / "log"
    folder.mkdir(parents=True, exist_ok=True)
    position = 1_000_000
    row = {
        "position": position, "feed": "test.recovered", "dt": DAY, "seq": 0, "version": 1,
        "digest": "d", "files": [{"name": "a.csv", "sha256": "s", "bytes": 1, "rows": 1}],
        "control": {"rows": 1}, "status": "refused", "reason": "late",
    }  # fmt: skip
    path = folder / f"{position:012d}.json"
    path.write_text(json.dumps(row))
    try:
        catalog.rebuild_ledger(elsewhere)
    finally:
        path.unlink()

    d = tables.deliveries
    found = sa.select(*[d.c[key] for key in row]).where(d.c.position == position)
    assert rows(elsewhere, found) == [tuple(row.values())]
    following = sa.text("select nextval(pg_get_serial_sequence('ops.deliveries', 'position'))")
    with open_ledger(elsewhere).connect() as connection:
        assert connection.execute(following).scalar_one() == position + 1


def test_a_backup_restores_and_catches_up_with_storage(
    installation: Any, elsewhere: Any, tmp_path: Any
) -> None:
    a_past(installation)
    backup(installation, tmp_path / "ledger.dump")
    publish_numbers(installation, "marts.recovered_since", {DAY: [1]})
    release(installation, "marts.recovered", DAY)

    found = restore(elsewhere, tmp_path / "ledger.dump")

    assert found.sets == 1
    assert published(elsewhere) == published(installation)
    assert held(elsewhere) == held(installation)


def test_a_restore_does_not_replace_a_ledger_unasked(installation: Any, tmp_path: Any) -> None:
    publish_numbers(installation, "marts.recovered_not", {DAY: [2]})
    backup(installation, tmp_path / "ledger.dump")
    before = published(installation)

    with pytest.raises(CountinghouseError, match="not empty"):
        restore(installation, tmp_path / "ledger.dump")

    restore(installation, tmp_path / "ledger.dump", force=True)
    assert published(installation) == before


def test_a_broken_backup_leaves_the_ledger_as_it_was(installation: Any, tmp_path: Any) -> None:
    publish_numbers(installation, "marts.recovered_not", {DAY: [3]})
    before = published(installation)
    (tmp_path / "broken.dump").write_bytes(b"PGDMP, but no more")

    with pytest.raises(CountinghouseError, match="pg_restore failed"):
        restore(installation, tmp_path / "broken.dump", force=True)

    assert published(installation) == before


def test_a_backup_does_not_overwrite_a_file(installation: Any, tmp_path: Any) -> None:
    (tmp_path / "ledger.dump").write_text("precious")

    with pytest.raises(CountinghouseError, match="exists"):
        backup(installation, tmp_path / "ledger.dump")


def test_fault_99_the_metastore_is_rebuilt_from_the_ledger(
    installation: Any, elsewhere: Any, session: Any
) -> None:
    # A ledger of its own: the other tests' hundred tables would take a minute.
    recovery.open_anew(elsewhere)
    publish_numbers(elsewhere, "marts.registered", {DAY: [1], NEXT: [2]})
    publish_numbers(elsewhere, "marts.registered_whole", {"all": [3]})
    session.sql("DROP TABLE marts.registered")
    # Something else under the published name.
    session.sql("DROP TABLE marts.registered_whole")
    session.sql("CREATE TABLE marts.registered_whole (n STRING) STORED AS PARQUET")

    done = catalog.rebuild_catalog(elsewhere)

    assert done.problems == []
    assert (done.tables, done.partitions) == (2, 3)
    assert read_numbers(session, "marts.registered") == {DAY: [1], NEXT: [2]}
    assert read_numbers(session, "marts.registered_whole") == {"all": [3]}
    described = session.sql("DESCRIBE marts.registered").collect()
    assert described[0]["comment"] == "A number."
    # What the storage knows, the other tests' ledger must know as well.
    catalog.catch_up(installation)
