"""PostgreSQL over asyncpg: a bounded pool, and no round trip that an operation doesn't need.

One statement is a transaction by itself, so most operations run on connections in autocommit mode.
"""

import asyncio
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from gateway.domain.ledger import LedgerUnavailable
from gateway.store.errors import DATABASE_ERRORS, unavailable
from gateway.store.runner import LedgerOptions, Operation, T


def open_engine(dsn: str, options: LedgerOptions) -> AsyncEngine:
    """An engine whose connections are in autocommit mode unless told otherwise."""

    async def connect() -> Any:
        timeout_ms = f"{options.statement_timeout_s * 1000:.0f}"
        try:
            return await asyncpg.connect(
                dsn,
                timeout=options.connect_timeout_s,
                # The server's own limit comes first, and leaves the connection usable.
                command_timeout=options.statement_timeout_s * 1.1,
                server_settings={
                    "application_name": "helpdesk-gateway",
                    "default_transaction_isolation": "read committed",
                    "statement_timeout": timeout_ms,
                    "idle_in_transaction_session_timeout": timeout_ms,
                },
            )
        except (ValueError, OverflowError):
            # An address that can't be one.
            raise ConnectionError from None

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=options.connections,
        max_overflow=0,
        pool_timeout=options.wait_timeout_s,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(connection: DBAPIConnection, _: ConnectionPoolEntry, __: PoolProxiedConnection) -> None:
    """Have a connection replaced that the server has ended: asyncpg knows, without asking it."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


class PostgresRunner:
    """Runs operations on a PostgreSQL database. Belongs to the event loop that it is used from."""

    def __init__(self, dsn: str, options: LedgerOptions) -> None:
        self._options = options
        self._engine = open_engine(dsn, options)
        self._transactional = self._engine.execution_options(isolation_level="READ COMMITTED")
        # Whoever comes first is served first; the pool's own queue lets late ones overtake.
        self._turns = asyncio.Semaphore(options.connections)
        self._closed = False

    async def read(self, operation: Operation[T]) -> T:
        return await self._run(self._engine, operation)

    async def write(self, operation: Operation[T]) -> T:
        return await self._run(self._engine, operation)

    async def transact(self, operation: Operation[T]) -> T:
        return await self._run(self._transactional, operation)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            for _ in range(self._options.connections):
                await self._turns.acquire()
            await self._engine.dispose()

    async def _run(self, engine: AsyncEngine, operation: Operation[T]) -> T:
        if self._closed:
            raise LedgerUnavailable("closed")
        try:
            async with asyncio.timeout(self._options.wait_timeout_s):
                await self._turns.acquire()
            try:
                async with engine.connect() as connection:
                    return await connection.run_sync(_committed, operation)
            finally:
                self._turns.release()
        except DATABASE_ERRORS as error:
            raise unavailable(error) from None


def _committed(connection: Connection, operation: Operation[T]) -> T:
    """Run an operation and commit it. In autocommit mode, the commit says nothing to the server."""
    done = operation(connection)
    connection.commit()
    return done
