"""SQLite: one thread owns the connection, and whatever waits for it is committed together.

A commit waits for the disk, so what arrives meanwhile shares the next one. The usual operation costs one
statement and its part of one commit: there are no savepoints, since SQLite undoes a refused statement by
itself. If an operation fails in any other way, all of its batch is undone and each is run alone.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine

from gateway.domain.ledger import LedgerUnavailable, ResultTaken
from gateway.store.errors import DATABASE_ERRORS, unavailable
from gateway.store.runner import LedgerOptions, Operation, T

# FULL: every commit is on the disk before anything is sent. NORMAL may lose the last ones with the power.
_PRAGMAS = ("synchronous = FULL", "foreign_keys = ON")


def open_engine(path: Path, *, wait_timeout_s: float) -> Engine:
    """An engine without a pool. BEGIN has to be said: the driver's own transactions are off."""
    creator = partial(_connect, path, wait_timeout_s)
    return create_engine("sqlite://", creator=creator, poolclass=NullPool, hide_parameters=True)


def _connect(path: Path, wait_timeout_s: float) -> sqlite3.Connection:
    # What customers are written stands in it: for nobody else's eyes. SQLite's other files follow its mode.
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, timeout=wait_timeout_s, isolation_level=None)
    try:
        # Readers and the writer then don't wait for each other. SQLite itself doesn't wait for the lock that
        # this takes: whoever has it is changing the mode just now, or leaves that to the next connection.
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class _Job:
    """An operation on its way through the thread."""

    __slots__ = ("changes", "error", "future", "operation", "value")

    def __init__(self, operation: Operation[Any], future: "asyncio.Future[Any]", *, changes: bool) -> None:
        self.operation = operation
        self.future = future
        self.changes = changes
        self.value: Any = None
        self.error: Exception | None = None


class SqliteRunner:
    """Runs operations on a SQLite file. Belongs to the event loop that it is used from."""

    def __init__(self, path: Path, options: LedgerOptions) -> None:
        self._engine = open_engine(path, wait_timeout_s=options.wait_timeout_s)
        self._batch = options.batch
        self._connection: Connection | None = None
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        # A program that is ending doesn't wait for it, unless it closes the ledger.
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        self._thread.start()

    async def read(self, operation: Operation[T]) -> T:
        return await self._submit(operation, changes=False)

    async def write(self, operation: Operation[T]) -> T:
        return await self._submit(operation, changes=True)

    async def transact(self, operation: Operation[T]) -> T:
        return await self._submit(operation, changes=True)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    async def _submit(self, operation: Operation[T], *, changes: bool) -> T:
        if self._closed:
            raise LedgerUnavailable("closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(operation, future, changes=changes))
        return await future

    # -- in the thread

    def _work(self) -> None:
        going_on = True
        while going_on:
            queued = self._queued()
            going_on = None not in queued
            batch = [job for job in queued if job is not None]
            if batch and not self._commit(batch):
                for job in batch:
                    self._commit([job])
            for loop in {job.future.get_loop() for job in batch}:
                _tell(loop, [job for job in batch if job.future.get_loop() is loop])
        self._disconnect()

    def _queued(self) -> list[_Job | None]:
        """What there is, as soon as there is something."""
        queued = [self._jobs.get()]
        try:
            while len(queued) < self._batch:
                queued.append(self._jobs.get_nowait())
        except Empty:
            pass
        return queued

    def _commit(self, batch: list[_Job]) -> bool:
        """Run jobs in one transaction. False, with nothing done, if one of several failed."""
        try:
            connection = self._connected()
            # Readers disturb nobody; a writer takes its lock at once, so that it can't fail half-way for it.
            changes = any(job.changes for job in batch)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if changes else "BEGIN")
            for job in batch:
                job.error = None
                try:
                    job.value = job.operation(connection)
                except ResultTaken as error:
                    job.error = error
                except Exception:
                    if len(batch) == 1:
                        raise
                    self._disconnect()
                    return False
            connection.commit()
        except Exception as error:  # noqa: BLE001  # Each caller is told; the thread lives on.
            self._disconnect()
            for job in batch:
                job.error = unavailable(error) if isinstance(error, DATABASE_ERRORS) else error
        return True

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _disconnect(self) -> None:
        """Undo what isn't committed, and begin the next time anew: opening costs less than a commit."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()


def _tell(loop: asyncio.AbstractEventLoop, jobs: Iterable[_Job]) -> None:
    with suppress(RuntimeError):  # The loop has been closed: nobody waits any more.
        loop.call_soon_threadsafe(_resolve, jobs)


def _resolve(jobs: Iterable[_Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue  # Whoever waited has gone; it is done all the same.
        if job.error is None:
            job.future.set_result(job.value)
        else:
            job.future.set_exception(job.error)
