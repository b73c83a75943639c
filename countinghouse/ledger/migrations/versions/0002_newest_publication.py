"""The newest publication of a table is found without reading the others."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_index(
        "publications_newest", "publications", ["table_name", "publication_id"], schema="ops"
    )
