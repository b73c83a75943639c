"""Positions of change logs without gaps."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "positions",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("delivery_dt", sa.Text(), nullable=False),
        sa.Column("ranges", postgresql.JSONB(), nullable=False),
        sa.Column("known_missing", postgresql.JSONB(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("source", "delivery_dt"),
        schema="ops",
        comment="Which positions of a change log without gaps each published raw partition holds.",
    )
