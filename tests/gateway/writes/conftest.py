"""The real ledger on a file of the test, a clock that stands, and no pauses."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gateway.domain.audit import AuditKind
from gateway.domain.ledger import Entry, LedgerUnavailable
from gateway.observability.logs import configure_logs
from gateway.store import LedgerOptions, SqlLedger
from gateway.store.migrate import migrate
from gateway.store.sqlite import SqliteRunner
from gateway.writes import journal
from gateway.writes.service import Writes
from tests.gateway.writes.desk import Hands


class FileLedger(SqlLedger):
    """The real ledger; `then` holds what happens once an operation has been done, before its answer comes.

    Raised there, LedgerUnavailable is an answer that got lost. `unreachable` is how many of the next changes
    don't even arrive. `looked` is set whenever a row was read again.
    """

    def __init__(self, path: Path, options: LedgerOptions) -> None:
        super().__init__(SqliteRunner(path, options))
        self.then: dict[str, list[Callable[[], Awaitable[None]]]] = {}
        self.unreachable = 0
        self.looked = asyncio.Event()

    async def insert(self, entry: Entry) -> Entry | None:
        self._arrive()
        taken = await super().insert(entry)
        await self._go_on("insert")
        return taken

    async def replace(self, old: Entry, new: Entry, *, kind: AuditKind = AuditKind.WRITE_SETTLED) -> bool:
        self._arrive()
        done = await super().replace(old, new, kind=kind)
        await self._go_on("replace")
        return done

    async def get(self, entry_id: str) -> Entry | None:
        found = await super().get(entry_id)
        self.looked.set()
        await self._go_on("get")
        return found

    def _arrive(self) -> None:
        if self.unreachable:
            self.unreachable -= 1
            raise LedgerUnavailable("unreachable")

    async def _go_on(self, operation: str) -> None:
        if waiting := self.then.get(operation):
            await waiting.pop(0)()


class Ledgers:
    """One file, as several processes open it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: list[FileLedger] = []

    def open(self, *, wait_timeout_s: float = 5.0) -> FileLedger:
        ledger = FileLedger(self._path, LedgerOptions(wait_timeout_s=wait_timeout_s))
        self._opened.append(ledger)
        return ledger

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Nobody can write while it lasts."""
        with closing(sqlite3.connect(self._path, isolation_level=None)) as hog:
            hog.execute("BEGIN IMMEDIATE")
            yield

    async def close(self) -> None:
        for ledger in self._opened:
            await ledger.close()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "empty.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
async def ledgers(tmp_path: Path, migrated: Path) -> AsyncIterator[Ledgers]:
    shutil.copy(migrated, tmp_path / "ledger.db")
    opened = Ledgers(tmp_path / "ledger.db")
    yield opened
    await opened.close()


@pytest.fixture
def ledger(ledgers: Ledgers) -> FileLedger:
    return ledgers.open()


@pytest.fixture
def other(ledgers: Ledgers) -> FileLedger:
    """The same file through a connection of its own, as another process has it."""
    return ledgers.open()


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def writes(ledger: FileLedger, clock: Hands) -> Writes:
    return Writes(ledger, clock=clock)


@pytest.fixture
def elsewhere(other: FileLedger, clock: Hands) -> Writes:
    """Another process over the same file."""
    return Writes(other, clock=clock)


@pytest.fixture(autouse=True)
def _logs() -> None:
    """As in production, to the captured standard error: another test's is closed by now."""
    configure_logs()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_LOOK_EVERY_S", 0)
    monkeypatch.setattr(journal, "_RECORD_AGAIN_AFTER_S", (0, 0, 0, 0))
