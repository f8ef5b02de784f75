"""The ledger's tables. What is unique is made so by the database: no process can talk itself past it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    and_,
    literal_column,
)

from gateway.domain.ledger import WriteState

# Every revision of the schema, oldest first; the last one is what this program works on.
REVISIONS = ("0001", "0002", "0003")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class _Microseconds(TypeDecorator[datetime]):
    """A moment as microseconds since 1970: SQLite has no type for it, and integers compare exactly."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> int | None:
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(
        self,
        value: Any,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


# PostgreSQL's own type is exact to the microsecond, too, and people read it in psql.
_MOMENT = DateTime(timezone=True).with_variant(_Microseconds(), "sqlite")
_STATES = ", ".join(f"'{state}'" for state in WriteState)

metadata = MetaData()

writes = Table(
    "writes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("principal", Text, nullable=False),
    Column("credential", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("target", Text),
    Column("key", Text, nullable=False),
    Column("claim", Text),  # The key while it is in force.
    Column("fingerprint", Text, nullable=False),
    Column("baseline", Text),
    Column("input", LargeBinary),
    Column("state", Text, CheckConstraint(f"state IN ({_STATES})", name="ck_writes_state"), nullable=False),
    Column("submitted_at", _MOMENT, nullable=False),
    Column("settled_at", _MOMENT),
    Column("attempts", Integer, nullable=False),
    Column("leased_until", _MOMENT),
    Column("looks", Integer, nullable=False),
    Column("next_look_at", _MOMENT),
    Column("due_at", _MOMENT),  # When somebody has to look at it, made of state, lease and next look.
    Column("result", Text),
    Column("applied_at", _MOMENT),
    Column("problem", Text),
    Column("version", Integer, nullable=False),
)
write_parts = Table(
    "write_parts",
    metadata,
    Column("write_id", ForeignKey("writes.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("target", Text, nullable=False),
    Column(
        "state", Text, CheckConstraint(f"state IN ({_STATES})", name="ck_write_parts_state"), nullable=False
    ),
    Column("already", Boolean, nullable=False),
    Column("problem", Text),
)
# Few rows, always read whole: they need no index.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("writes_as", Text, nullable=False),
    Column("created_at", _MOMENT, nullable=False),
    Column("expires_at", _MOMENT),
    Column("revoked_at", _MOMENT),
)
# Rows are only ever added: triggers see to it, which the migration makes. Without a row id of its own SQLite
# keeps them in the order of their ids, and has no second way to replace one.
audit_events = Table(
    "audit_events",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", _MOMENT, nullable=False),
    Column("kind", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("login", Text),
    Column("credential_id", Text),
    Column("request_id", Text),
    Column("owner", Text),
    Column("operation", Text),
    Column("source", Text),
    Column("target", Text),
    Column("write_id", Text),
    Column("state", Text),
    Column("problem", Text),
    Column("attempts", Integer),
    Column("key_id", Text),
    Column("detail", Text),
    sqlite_with_rowid=False,
)
# One row: only what is older than this moment can be deleted from the audit log. It only ever rises.
audit_retention = Table(
    "audit_retention",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="ck_audit_retention_id"), primary_key=True),
    Column("deletable_before", _MOMENT, nullable=False),
    sqlite_with_rowid=False,
)


_c = writes.c
# What is neither CONFIRMED nor REJECTED is rare, and looked for among all the rest. As text, not as a
# parameter: an index of some rows serves a query only if that says the same.
OPEN = and_(_c.state != literal_column("'CONFIRMED'"), _c.state != literal_column("'REJECTED'"))


def _index(
    name: str, *columns: Column[Any], of: ColumnElement[bool] | None = None, unique: bool = False
) -> None:
    """An index, perhaps of some rows only: it stays as small as what is looked for."""
    Index(name, *columns, unique=unique, sqlite_where=of, postgresql_where=of)


# A key stands for one write of its principal, and an object is the outcome of one write.
_index("uq_writes_claim", _c.principal, _c.claim, of=_c.claim.is_not(None), unique=True)
_index("uq_writes_result", _c.result, of=_c.result.is_not(None), unique=True)
_index("ix_writes_due", _c.due_at, _c.id, of=_c.due_at.is_not(None))
_index("ix_writes_target", _c.target, _c.credential, _c.submitted_at, _c.id, of=_c.target.is_not(None))
# Pages: of one principal, of all, and of what is open.
_index("ix_writes_principal", _c.principal, _c.submitted_at, _c.id)
_index("ix_writes_submitted", _c.submitted_at, _c.id)
_index("ix_writes_open", _c.submitted_at, _c.id, of=OPEN)
# Purges find the keys and the inputs that are left without walking over all that have gone.
_settled = _c.settled_at.is_not(None)
_index("ix_writes_settled_claim", _c.settled_at, of=_settled & _c.claim.is_not(None))
_index("ix_writes_settled_input", _c.settled_at, of=_settled & _c.input.is_not(None))
# The log is read by its ids, which rise with time; of one principal, of one write, or what is of no write.
_e = audit_events.c
_index("ix_audit_events_principal", _e.principal, _e.id)
_index("ix_audit_events_write", _e.write_id, _e.id, of=_e.write_id.is_not(None))
_index("ix_audit_events_other", _e.kind, _e.id, of=_e.write_id.is_(None))
