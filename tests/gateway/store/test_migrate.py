"""Migrations: what they make is what the tables say, on both databases."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import gateway.store
from gateway.domain.errors import ConfigError
from gateway.domain.ledger import EntryFilter, LedgerUnavailable
from gateway.store import LedgerOptions, SchemaState, open_ledger, postgres
from gateway.store.address import SqliteFile, parse
from gateway.store.migrate import migrate
from gateway.store.sqlite import open_engine
from gateway.store.tables import REVISIONS, metadata
from tests.gateway.store.entries import entry

T = TypeVar("T")


async def on(url: str, act: Callable[[Connection], T]) -> T:
    """Do something to a database, and commit it."""
    match parse(url):
        case SqliteFile(path):
            with open_engine(path, wait_timeout_s=1.0).connect() as connection:
                done = act(connection)
                connection.commit()
                return done
        case database:
            engine = postgres.open_engine(database.dsn, LedgerOptions(connections=1))
            async with engine.begin() as opened:
                done = await opened.run_sync(act)
            await engine.dispose()
            return done


def differences(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


def catalog(connection: Connection) -> set[tuple[Any, ...]]:
    """What the database itself says of its tables, Alembic's own and all triggers left out."""
    if connection.dialect.name == "sqlite":
        query = """
            SELECT name, sql FROM sqlite_master
                WHERE tbl_name != 'alembic_version' AND type != 'trigger' AND sql IS NOT NULL
        """
    else:
        query = """
            SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename != 'alembic_version'
            UNION ALL SELECT conrelid::regclass || conname, pg_get_constraintdef(oid) FROM pg_constraint
                WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text != 'alembic_version'
            UNION ALL SELECT table_name || '.' || column_name, data_type || is_nullable || coalesce(column_default, '')
                FROM information_schema.columns WHERE table_schema = 'public' AND table_name != 'alembic_version'
        """
    return {(row[0], " ".join(row[1].split())) for row in connection.execute(text(query))}


async def test_migrations_make_what_the_tables_say(url: str) -> None:
    await migrate(url)
    assert await on(url, differences) == []
    migrated = await on(url, catalog)

    await on(url, metadata.drop_all)
    assert await on(url, catalog) == set()
    await on(url, metadata.create_all)
    assert await on(url, catalog) == migrated


async def test_a_database_is_migrated_once(url: str) -> None:
    await migrate(url)
    ledger = open_ledger(url)
    await ledger.insert(entry(1))
    await migrate(url)

    assert await ledger.get(entry(1).id) == entry(1)
    await ledger.close()


async def test_databases_are_migrated_side_by_side(tmp_path: Path, url: str) -> None:
    urls = [f"sqlite:///{tmp_path / 'a.db'}", url, f"sqlite:///{tmp_path / 'b.db'}"]
    await asyncio.gather(*map(migrate, urls * 3))

    for each in urls:
        assert await on(each, differences) == []


async def test_a_migration_is_done_wholly_or_not_at_all(url: str) -> None:
    # The second table is in its way.
    await on(url, lambda connection: connection.execute(text("CREATE TABLE write_parts (x INTEGER)")))
    with pytest.raises(LedgerUnavailable):
        await migrate(url)
    await on(url, lambda connection: connection.execute(text("DROP TABLE write_parts")))

    assert await on(url, catalog) == set()
    await migrate(url)
    assert await on(url, differences) == []


async def test_who_cannot_be_reached_is_not_migrated(tmp_path: Path) -> None:
    for each in (f"sqlite:///{tmp_path}", "postgresql://ola:s3cret@127.0.0.1:1/ledger"):
        with pytest.raises(LedgerUnavailable) as told:
            await migrate(each)
        assert told.value.detail in {"OperationalError SQLITE_CANTOPEN", "ConnectionRefusedError"}


async def test_a_schema_is_current_behind_or_ahead(url: str) -> None:
    ledger = open_ledger(url)
    assert await ledger.check_schema() is SchemaState.BEHIND
    with pytest.raises(LedgerUnavailable):
        await ledger.page(EntryFilter(), limit=1)

    await migrate(url)
    assert await ledger.check_schema() is SchemaState.CURRENT
    assert await ledger.page(EntryFilter(), limit=1) == []

    await on(url, lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = 'z'")))
    assert await ledger.check_schema() is SchemaState.AHEAD
    await on(url, lambda connection: connection.execute(text("DELETE FROM alembic_version")))
    assert await ledger.check_schema() is SchemaState.BEHIND
    await ledger.close()


async def test_a_schema_of_which_nobody_knows_is_not_called_current(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path}")
    with pytest.raises(LedgerUnavailable):
        await ledger.check_schema()
    await ledger.close()


async def test_newer_schemas_are_left_alone(url: str) -> None:
    await migrate(url)
    await on(url, lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = 'z'")))

    with pytest.raises(ConfigError, match="newer than this program"):
        await migrate(url)


def test_every_revision_is_known() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(gateway.store.__path__[0]) / "migrations"))
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())

    assert tuple(script.revision for script in reversed(scripts)) == REVISIONS
    # Forward only.
    assert not [script for script in scripts if hasattr(script.module, "downgrade")]
