"""Tables of the ledger, PostgreSQL schema `ops`: the truth about what is published and why."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(schema="ops")


def _now(name: str) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


deliveries = Table(
    "deliveries",
    metadata,
    Column("position", BigInteger, Identity(), primary_key=True),
    Column("feed", Text, nullable=False),
    Column("dt", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    # [{name, sha256, bytes, rows}], rows from the source's own manifest or null
    Column("files", JSONB, nullable=False),
    Column("control", JSONB, nullable=False, server_default="{}"),
    # accepted | refused
    Column("status", Text, nullable=False),
    Column("reason", Text),
    _now("received_at"),
    UniqueConstraint("feed", "dt", "seq", "version"),
    comment="The delivery log: one row per accepted or refused version of a delivery.",
)

arrivals = Table(
    "arrivals",
    metadata,
    Column("feed", Text, primary_key=True),
    Column("dt", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),
    # Names, sizes and times of the files when the folder was last looked into
    Column("signature", Text, nullable=False),
    comment="Delivery folders that were read, so that old days are not read again.",
)

attempts = Table(
    "attempts",
    metadata,
    Column("attempt_id", Text, primary_key=True),
    # land | build | rollback
    Column("kind", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("scope", Text, nullable=False),
    # Connect session in which every writer of the attempt works; releasing it fences them.
    Column("session_id", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("pid_started", BigInteger, nullable=False),
    # open | done | failed | fenced
    Column("state", Text, nullable=False),
    Column("error", Text),
    _now("started_at"),
    _now("heartbeat_at"),
    Column("ended_at", DateTime(timezone=True)),
)

claims = Table(
    "claims",
    metadata,
    Column("table_name", Text, primary_key=True),
    Column("dt", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("attempt_id", Text, ForeignKey(attempts.c.attempt_id), nullable=False),
    # open | closed
    Column("state", Text, nullable=False),
    _now("claimed_at"),
)

versions = Table(
    "versions",
    metadata,
    Column("version_id", Text, primary_key=True),
    Column("table_name", Text, nullable=False),
    Column("dt", Text, nullable=False),
    Column("attempt_id", Text, nullable=False),
    # Relative to the warehouse folder.
    Column("location", Text, nullable=False),
    Column("format_version", Integer, nullable=False),
    Column("files", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    # {currency: minor units}
    Column("money", JSONB, nullable=False),
    Column("digest", Text, nullable=False),
    # Code and inputs that last gave this content; confirmed again when a rebuild gives the same.
    Column("fingerprint", Text, nullable=False),
    Column("inputs_digest", Text, nullable=False),
    # Raw tables only: {business date: {rows, digest, money}}
    Column("slices", JSONB(none_as_null=True)),
    _now("created_at"),
    Column("collected_at", DateTime(timezone=True)),
    Index("versions_partition", "table_name", "dt"),
)

inputs = Table(
    "inputs",
    metadata,
    Column("version_id", Text, ForeignKey(versions.c.version_id), primary_key=True),
    # What was read: a partition, a slice of a feed, a chain of partitions (see planner.Key)
    Column("input_table", Text, primary_key=True),
    Column("input_dt", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    # The digest read, or ABSENT
    Column("digest", Text, nullable=False),
    Column("input_version", Text),
    Index("inputs_inverse", "input_table", "input_dt"),
)

publication_sets = Table(
    "publication_sets",
    metadata,
    Column("set_id", Text, primary_key=True),
    Column("attempt_id", Text, ForeignKey(attempts.c.attempt_id), nullable=False),
    # intent | complete
    Column("state", Text, nullable=False),
    # Schema of each table of the set: what the metastore needs to know to show it
    Column("tables", JSONB, nullable=False),
    # [{topic, payload}] that leave when the set is complete
    Column("events", JSONB, nullable=False),
    _now("created_at"),
    Column("completed_at", DateTime(timezone=True)),
)

intents = Table(
    "intents",
    metadata,
    Column("set_id", Text, ForeignKey(publication_sets.c.set_id), primary_key=True),
    Column("table_name", Text, primary_key=True),
    Column("dt", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("version_id", Text, ForeignKey(versions.c.version_id), nullable=False),
    Column("previous_version", Text),
    # Order of publication within the set: parents first
    Column("rank", Integer, nullable=False),
)

publications = Table(
    "publications",
    metadata,
    Column("publication_id", BigInteger, Identity(), primary_key=True),
    Column("set_id", Text, nullable=False),
    Column("table_name", Text, nullable=False),
    Column("dt", Text, nullable=False),
    Column("version_id", Text, ForeignKey(versions.c.version_id), nullable=False),
    Column("previous_version", Text),
    Column("epoch", BigInteger, nullable=False),
    _now("published_at"),
    Index("publications_partition", "table_name", "dt"),
    Index("publications_newest", "table_name", "publication_id"),
    comment="Append-only history of every pointer change.",
)

pointers = Table(
    "pointers",
    metadata,
    Column("table_name", Text, primary_key=True),
    Column("dt", Text, primary_key=True),
    Column("version_id", Text, ForeignKey(versions.c.version_id), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    comment="The published version of each partition. The metastore is a projection of this.",
)

slices = Table(
    "slices",
    metadata,
    # Raw table; for a cumulative feed delivery_dt is the empty string: only the newest counts.
    Column("source", Text, primary_key=True),
    Column("delivery_dt", Text, primary_key=True),
    Column("business_date", Text, primary_key=True),
    Column("version_id", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("money", JSONB, nullable=False),
    comment="Which published raw partitions hold which business date, with the digest of it.",
)

positions = Table(
    "positions",
    metadata,
    Column("source", Text, primary_key=True),
    Column("delivery_dt", Text, primary_key=True),
    Column("ranges", JSONB, nullable=False),
    Column("known_missing", JSONB, nullable=False),
    Column("first", BigInteger),
    comment="Which positions of a change log without gaps each published raw partition holds.",
)

outbox = Table(
    "outbox",
    metadata,
    Column("event_id", BigInteger, Identity(), primary_key=True),
    Column("topic", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    _now("created_at"),
    Column("sent_at", DateTime(timezone=True)),
)

holds = Table(
    "holds",
    metadata,
    Column("hold_id", BigInteger, Identity(), primary_key=True),
    Column("table_name", Text, nullable=False),
    Column("dt", Text, nullable=False),
    Column("version_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("owner", Text, nullable=False),
    _now("created_at"),
    Column("released_at", DateTime(timezone=True)),
    Index(
        "holds_open",
        "table_name",
        "dt",
        unique=True,
        postgresql_where=text("released_at IS NULL"),
    ),
)

gate_results = Table(
    "gate_results",
    metadata,
    Column("result_id", BigInteger, Identity(), primary_key=True),
    Column("attempt_id", Text, nullable=False),
    Column("table_name", Text, nullable=False),
    # A partition, or the first and last of the batch as `first..last`
    Column("dt", Text, nullable=False),
    # gx | dbt | landing | conservation
    Column("gate", Text, nullable=False),
    Column("rule", Text, nullable=False),
    # block | warn
    Column("severity", Text, nullable=False),
    Column("passed", Boolean, nullable=False),
    # Counts and unsuspicious values only: never a value of a PII column
    Column("observed", JSONB, nullable=False),
    _now("evaluated_at"),
    Index("gate_results_table", "table_name", "evaluated_at"),
)

conservation = Table(
    "conservation",
    metadata,
    Column("version_id", Text, primary_key=True),
    # landing | staging
    Column("hop", Text, primary_key=True),
    Column("table_name", Text, nullable=False),
    Column("dt", Text, nullable=False),
    Column("rows_in", BigInteger, nullable=False),
    Column("rows_out", BigInteger, nullable=False),
    Column("rows_quarantined", BigInteger, nullable=False),
    Column("rows_deduplicated", BigInteger, nullable=False),
    Column("rows_out_of_scope", BigInteger, nullable=False),
    # {currency: minor units} in, and out
    Column("money_in", JSONB, nullable=False),
    Column("money_out", JSONB, nullable=False),
)
