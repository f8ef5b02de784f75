"""What runs operations on a database; there is one for each kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Operation = Callable[[Connection], T]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerOptions:
    """How long to wait for the database, and how much of it to take.

    Attributes:
        wait_timeout_s: For another process's lock on SQLite, or for a free connection to PostgreSQL.
        connect_timeout_s: For a new connection to PostgreSQL.
        statement_timeout_s: For a statement's answer by PostgreSQL.
        connections: To PostgreSQL, at most.
        batch: How many operations SQLite commits at once, at most.
    """

    wait_timeout_s: float = 5.0
    connect_timeout_s: float = 5.0
    statement_timeout_s: float = 10.0
    connections: int = 8
    batch: int = 128


class Runner(Protocol):
    """Runs an operation wholly or not at all, and returns once that is durable.

    All raise LedgerUnavailable, after which nobody knows whether it was done.
    """

    async def read(self, operation: Operation[T]) -> T:
        """Run an operation that changes nothing."""

    async def write(self, operation: Operation[T]) -> T:
        """Run one that is a single statement."""

    async def transact(self, operation: Operation[T]) -> T:
        """Run one of several statements."""

    async def close(self) -> None:
        """Finish what is queued and release the connections."""
