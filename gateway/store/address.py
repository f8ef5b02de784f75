"""Where a ledger is kept, as its URL says."""

from dataclasses import dataclass, field
from pathlib import Path

_POSTGRES = frozenset({"postgres", "postgresql", "postgresql+asyncpg"})


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A file on this machine. Several processes may share it, not several machines."""

    path: Path


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """A database of a PostgreSQL server. The DSN goes to asyncpg as it is, with libpq's parameters."""

    dsn: str = field(repr=False)


Address = SqliteFile | PostgresDatabase


def parse(url: str) -> Address:
    """Read a ledger's URL.

    Raises:
        ValueError: It is of no form that is known. The message doesn't quote it: it may hold a password.
    """
    scheme, _, rest = url.partition("://")
    if (
        scheme == "sqlite"
        and len(rest) > 1
        and rest[0] == "/"
        and not rest.startswith("/:")
        and "?" not in rest
    ):
        return SqliteFile(Path(rest[1:]))
    if scheme in _POSTGRES and rest:
        return PostgresDatabase(f"postgresql://{rest}")
    raise ValueError("must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE")
