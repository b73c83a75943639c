"""The first ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "arrivals",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("dt", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("feed", "dt", "seq"),
        schema="ops",
        comment="Delivery folders that were read, so that old days are not read again.",
    )
    op.create_table(
        "attempts",
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("pid_started", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "heartbeat_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("attempt_id"),
        schema="ops",
    )
    op.create_table(
        "conservation",
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("hop", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("dt", sa.Text(), nullable=False),
        sa.Column("rows_in", sa.BigInteger(), nullable=False),
        sa.Column("rows_out", sa.BigInteger(), nullable=False),
        sa.Column("rows_quarantined", sa.BigInteger(), nullable=False),
        sa.Column("rows_deduplicated", sa.BigInteger(), nullable=False),
        sa.Column("rows_out_of_scope", sa.BigInteger(), nullable=False),
        sa.Column("money_in", postgresql.JSONB(), nullable=False),
        sa.Column("money_out", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("version_id", "hop"),
        schema="ops",
    )
    op.create_table(
        "deliveries",
        sa.Column("position", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("dt", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("files", postgresql.JSONB(), nullable=False),
        sa.Column("control", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("feed", "dt", "seq", "version"),
        schema="ops",
        comment="The delivery log: one row per accepted or refused version of a delivery.",
    )
    op.create_table(
        "gate_results",
        sa.Column("result_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("dt", sa.Text(), nullable=False),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("observed", postgresql.JSONB(), nullable=False),
        sa.Column(
            "evaluated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("result_id"),
        schema="ops",
    )
    op.create_index(
        "gate_results_table",
        "gate_results",
        ["table_name", "evaluated_at"],
        unique=False,
        schema="ops",
    )
    op.create_table(
        "holds",
        sa.Column("hold_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("dt", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("hold_id"),
        schema="ops",
    )
    op.create_index(
        "holds_open",
        "holds",
        ["table_name", "dt"],
        unique=True,
        schema="ops",
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "outbox",
        sa.Column("event_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("event_id"),
        schema="ops",
    )
    op.create_table(
        "slices",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("delivery_dt", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("money", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("source", "delivery_dt", "business_date"),
        schema="ops",
        comment="Which published raw partitions hold which business date, with the digest of it.",
    )
    op.create_table(
        "versions",
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("dt", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("format_version", sa.Integer(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("money", postgresql.JSONB(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("inputs_digest", sa.Text(), nullable=False),
        sa.Column("slices", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("collected_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("version_id"),
        schema="ops",
    )
    op.create_index(
        "versions_partition", "versions", ["table_name", "dt"], unique=False, schema="ops"
    )
    op.create_table(
        "claims",
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("dt", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "claimed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["ops.attempts.attempt_id"],
        ),
        sa.PrimaryKeyConstraint("table_name", "dt"),
        schema="ops",
    )
    op.create_table(
        "inputs",
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("input_table", sa.Text(), nullable=False),
        sa.Column("input_dt", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("input_version", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["ops.versions.version_id"],
        ),
        sa.PrimaryKeyConstraint("version_id", "input_table", "input_dt", "role"),
        schema="ops",
    )
    op.create_index(
        "inputs_inverse", "inputs", ["input_table", "input_dt"], unique=False, schema="ops"
    )
    op.create_table(
        "pointers",
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("dt", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["ops.versions.version_id"],
        ),
        sa.PrimaryKeyConstraint("table_name", "dt"),
        schema="ops",
        comment="The published version of each partition. The metastore is a projection of this.",
    )
    op.create_table(
        "publication_sets",
        sa.Column("set_id", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tables", postgresql.JSONB(), nullable=False),
        sa.Column("events", postgresql.JSONB(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["ops.attempts.attempt_id"],
        ),
        sa.PrimaryKeyConstraint("set_id"),
        schema="ops",
    )
    op.create_table(
        "publications",
        sa.Column("publication_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("set_id", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("dt", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("previous_version", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["ops.versions.version_id"],
        ),
        sa.PrimaryKeyConstraint("publication_id"),
        schema="ops",
        comment="Append-only history of every pointer change.",
    )
    op.create_index(
        "publications_partition", "publications", ["table_name", "dt"], unique=False, schema="ops"
    )
    op.create_table(
        "intents",
        sa.Column("set_id", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("dt", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("previous_version", sa.Text(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["set_id"],
            ["ops.publication_sets.set_id"],
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["ops.versions.version_id"],
        ),
        sa.PrimaryKeyConstraint("set_id", "table_name", "dt"),
        schema="ops",
    )
