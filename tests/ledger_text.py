"""Everything that a PostgreSQL database holds, as text: for tests that look for canaries."""

import sqlalchemy as sa

_TABLES = """
    select table_schema, table_name from information_schema.tables
    where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')
"""


def texts_of(database: sa.Engine) -> dict[str, str]:
    """The rows of each table, by `schema.table`."""
    with database.connect() as connection:
        tables = connection.execute(sa.text(_TABLES)).all()
        found = {}
        for schema, table in tables:
            query = sa.text(f'select t::text from "{schema}"."{table}" as t')
            found[f"{schema}.{table}"] = "\n".join(connection.execute(query).scalars())
    return found
