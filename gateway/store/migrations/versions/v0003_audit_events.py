"""Make the audit log: a table that the database itself lets nobody change."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# No event goes before it is 30 days old, whatever a program says: by the database's own clock.
# A REPLACE would delete without asking the trigger of DELETE: the first one forestalls it.
_SQLITE = (
    """
    CREATE TRIGGER audit_events_no_replace BEFORE INSERT ON audit_events
    WHEN EXISTS (SELECT 1 FROM audit_events WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END
    """,
    """
    CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
    BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END
    """,
    """
    CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
    WHEN OLD.at >= (SELECT coalesce(max(deletable_before), OLD.at) FROM audit_retention)
    BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END
    """,
    """
    CREATE TRIGGER audit_retention_rises BEFORE UPDATE ON audit_retention
    WHEN NEW.id != OLD.id OR NEW.deletable_before < OLD.deletable_before
        OR NEW.deletable_before > (CAST(strftime('%s', 'now') AS INTEGER) - 30 * 86400) * 1000000
    BEGIN SELECT RAISE(ABORT, 'the audit log is kept longer than that'); END
    """,
    """
    CREATE TRIGGER audit_retention_no_insert BEFORE INSERT ON audit_retention
    BEGIN SELECT RAISE(ABORT, 'the audit log is kept longer than that'); END
    """,
    """
    CREATE TRIGGER audit_retention_no_delete BEFORE DELETE ON audit_retention
    BEGIN SELECT RAISE(ABORT, 'the audit log is kept longer than that'); END
    """,
)
_POSTGRES = (
    """
    CREATE FUNCTION audit_events_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF OLD.at < (SELECT deletable_before FROM audit_retention) THEN
                RETURN OLD;
            END IF;
        END IF;
        RAISE EXCEPTION 'the audit log is only added to';
    END $$
    """,
    """
    CREATE FUNCTION audit_retention_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF NEW.id = OLD.id AND NEW.deletable_before >= OLD.deletable_before
                AND NEW.deletable_before <= clock_timestamp() - interval '30 days' THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION 'the audit log is kept longer than that';
    END $$
    """,
    """
    CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_events_refuse()
    """,
    """
    CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse()
    """,
    """
    CREATE TRIGGER audit_retention_rises BEFORE INSERT OR UPDATE OR DELETE ON audit_retention
    FOR EACH ROW EXECUTE FUNCTION audit_retention_refuse()
    """,
    """
    CREATE TRIGGER audit_retention_no_truncate BEFORE TRUNCATE ON audit_retention
    FOR EACH STATEMENT EXECUTE FUNCTION audit_retention_refuse()
    """,
)


def upgrade() -> None:
    """In the ledger's own database, so that a change and its event are one transaction."""
    moment = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", moment, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("login", sa.Text),
        sa.Column("credential_id", sa.Text),
        sa.Column("request_id", sa.Text),
        sa.Column("owner", sa.Text),
        sa.Column("operation", sa.Text),
        sa.Column("source", sa.Text),
        sa.Column("target", sa.Text),
        sa.Column("write_id", sa.Text),
        sa.Column("state", sa.Text),
        sa.Column("problem", sa.Text),
        sa.Column("attempts", sa.Integer),
        sa.Column("key_id", sa.Text),
        sa.Column("detail", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_retention",
        sa.Column(
            "id", sa.Integer, sa.CheckConstraint("id = 1", name="ck_audit_retention_id"), primary_key=True
        ),
        sa.Column("deletable_before", moment, nullable=False),
        sqlite_with_rowid=False,
    )
    _index("ix_audit_events_principal", "principal", "id")
    _index("ix_audit_events_write", "write_id", "id", of="write_id IS NOT NULL")
    _index("ix_audit_events_other", "kind", "id", of="write_id IS NULL")
    sqlite = op.get_bind().dialect.name == "sqlite"
    nothing_yet = "VALUES (1, 0)" if sqlite else "VALUES (1, 'epoch')"
    op.execute(f"INSERT INTO audit_retention {nothing_yet}")
    for statement in _SQLITE if sqlite else _POSTGRES:
        op.execute(statement)


def _index(name: str, *columns: str, of: str | None = None) -> None:
    where = None if of is None else sa.text(of)
    op.create_index(name, "audit_events", list(columns), sqlite_where=where, postgresql_where=where)
