"""What databases, drivers and the network raise, as the ledger's own error."""

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from gateway.domain.ledger import LedgerUnavailable

# asyncpg's are wrapped by SQLAlchemy, except where a connection fails below PostgreSQL's protocol.
DATABASE_ERRORS = (SQLAlchemyError, OSError)

_UNIQUE_VIOLATIONS = frozenset({"23505", "SQLITE_CONSTRAINT_UNIQUE"})


def unavailable(error: Exception) -> LedgerUnavailable:
    """The error that the ledger raises in the place of another one.

    Of that one it keeps the class and the database's code alone: texts quote rows, users and addresses.
    Raise it `from None` for the same reason.
    """
    driver = error.driver_exception if isinstance(error, DBAPIError) else error
    return LedgerUnavailable(" ".join(filter(None, (type(driver).__name__, _code(driver)))))


def is_unique_violation(error: IntegrityError) -> bool:
    """Whether a row was refused because another one is there."""
    return _code(error.driver_exception) in _UNIQUE_VIOLATIONS


def _code(error: BaseException) -> str:
    """SQLSTATE, or SQLite's name for it."""
    code = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
    return code if isinstance(code, str) else ""
