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
REVISIONS = ("0001",)

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
