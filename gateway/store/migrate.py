"""Bring a ledger's schema up to date. Migrations only go forward, and run under a lock."""

import asyncio
import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from gateway.domain.errors import ConfigError
from gateway.store import operations, postgres, sqlite
from gateway.store.address import PostgresDatabase, SqliteFile, parse
from gateway.store.errors import DATABASE_ERRORS, unavailable
from gateway.store.runner import LedgerOptions
from gateway.store.tables import REVISIONS

# Others may be at it for long: building an index takes its time.
_PATIENT = LedgerOptions(wait_timeout_s=600.0, statement_timeout_s=3600.0, connections=1)
_LOCK_KEY = 0x6C65646765720001  # Any number that no other program takes: "ledger", 1.
_SCRIPTS = Path(__file__).parent / "migrations"

# Alembic keeps the migration that is running in its modules' globals, so there is one at a time in a process.
_one_at_a_time = threading.Lock()


async def migrate(url: str) -> None:
    """Apply every migration that the database hasn't seen. Several processes may do so at once.

    Raises:
        ValueError: The URL is of no known form.
        ConfigError: A newer program has migrated it.
        LedgerUnavailable: The database can't be reached or changed; it is as it was.
    """
    await asyncio.to_thread(_migrate, parse(url))


def _migrate(address: SqliteFile | PostgresDatabase) -> None:
    with _one_at_a_time:
        try:
            match address:
                case SqliteFile(path):
                    _migrate_file(path)
                case PostgresDatabase(dsn):
                    asyncio.run(_migrate_database(dsn))
        except DATABASE_ERRORS as error:
            raise unavailable(error) from None


def _migrate_file(path: Path) -> None:
    with sqlite.open_engine(path, wait_timeout_s=_PATIENT.wait_timeout_s).connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        _upgrade(connection)
        connection.commit()


async def _migrate_database(dsn: str) -> None:
    engine = postgres.open_engine(dsn, _PATIENT)
    try:
        async with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    if not operations.revisions(connection) <= set(REVISIONS):
        raise ConfigError(["The ledger's schema is newer than this program. Run a newer one."])
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    command.upgrade(config, "head")
