"""Alembic environment: migrations run on the connection that `open_ledger` hands over."""

from alembic import context

from countinghouse.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="schema_version",
    version_table_schema="ops",
    include_schemas=True,
)
with context.begin_transaction():
    context.run_migrations()
