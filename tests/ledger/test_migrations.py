"""The ledger's migrations lead to the tables that the code uses."""

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from countinghouse.ledger.tables import metadata


def _ours(item: object, name: str | None, kind: str, *_: object) -> bool:
    return (kind == "table" and name != "schema_version") or kind not in ("schema", "table")


def test_a_migrated_ledger_has_exactly_the_declared_tables(ledger: sa.Engine) -> None:
    with ledger.connect() as connection:
        options = {
            "include_schemas": True,
            "include_name": lambda name, kind, _: kind != "schema" or name == "ops",
            "include_object": _ours,
            "version_table_schema": "ops",
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
