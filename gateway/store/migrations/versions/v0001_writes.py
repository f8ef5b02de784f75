"""Make the tables of writes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """What `gateway.store.tables` said at the time; that goes on, this stays."""
    states = "state IN ('PENDING', 'CONFIRMED', 'REJECTED', 'IN_DOUBT', 'PARTIAL')"
    moment = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
    op.create_table(
        "writes",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("credential", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("target", sa.Text),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("claim", sa.Text),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("baseline", sa.Text),
        sa.Column("input", sa.LargeBinary),
        sa.Column("state", sa.Text, sa.CheckConstraint(states, name="ck_writes_state"), nullable=False),
        sa.Column("submitted_at", moment, nullable=False),
        sa.Column("settled_at", moment),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("leased_until", moment),
        sa.Column("looks", sa.Integer, nullable=False),
        sa.Column("next_look_at", moment),
        sa.Column("due_at", moment),
        sa.Column("result", sa.Text),
        sa.Column("applied_at", moment),
        sa.Column("problem", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "write_parts",
        sa.Column("write_id", sa.Text, sa.ForeignKey("writes.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("state", sa.Text, sa.CheckConstraint(states, name="ck_write_parts_state"), nullable=False),
        sa.Column("already", sa.Boolean, nullable=False),
        sa.Column("problem", sa.Text),
    )
    _index("uq_writes_claim", "principal", "claim", of="claim IS NOT NULL", unique=True)
    _index("uq_writes_result", "result", of="result IS NOT NULL", unique=True)
    _index("ix_writes_due", "due_at", "id", of="due_at IS NOT NULL")
    _index("ix_writes_target", "target", "credential", "submitted_at", "id", of="target IS NOT NULL")
    _index("ix_writes_principal", "principal", "submitted_at", "id")
    _index("ix_writes_submitted", "submitted_at", "id")
    _index("ix_writes_open", "submitted_at", "id", of="state != 'CONFIRMED' AND state != 'REJECTED'")
    _index("ix_writes_settled_claim", "settled_at", of="settled_at IS NOT NULL AND claim IS NOT NULL")
    _index("ix_writes_settled_input", "settled_at", of="settled_at IS NOT NULL AND input IS NOT NULL")


def _index(name: str, *columns: str, of: str | None = None, unique: bool = False) -> None:
    where = None if of is None else sa.text(of)
    op.create_index(name, "writes", list(columns), unique=unique, sqlite_where=where, postgresql_where=where)
