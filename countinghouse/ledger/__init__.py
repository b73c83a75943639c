"""The ledger in PostgreSQL: what was delivered, claimed, built, gated and published."""

import functools
from pathlib import Path

import sqlalchemy as sa

from countinghouse.services.postgres import ledger_url
from countinghouse.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"
# Any constant: serialises migrations of one database.
_MIGRATION_LOCK = 7_240_115


def open_ledger(settings: Settings) -> sa.Engine:
    """The installation's ledger, migrated to the newest schema; starts the embedded server."""
    return _open(ledger_url(settings))


@functools.lru_cache
def _open(url: str) -> sa.Engine:
    engine = sa.create_engine(url, pool_pre_ping=True, pool_size=3)
    if _revision(engine) != newest_revision():
        migrate(engine)
    return engine


def newest_revision() -> str:
    """The last migration: files are numbered."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("0*.py"))


def _revision(engine: sa.Engine) -> str | None:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("schema_version", schema="ops"):
            return None
        found = connection.execute(sa.text("SELECT version_num FROM ops.schema_version"))
        return found.scalar_one_or_none()


def migrate(engine: sa.Engine) -> None:
    """Bring the schema `ops` to head; safe when several processes do it at once."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS ops"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
