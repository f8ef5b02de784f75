"""The ledger over either database."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial

from gateway.domain.ids import Ref
from gateway.domain.ledger import Entry, EntryFilter, LedgerUnavailable, Purged, Retention
from gateway.store import operations
from gateway.store.address import PostgresDatabase, SqliteFile, parse
from gateway.store.postgres import PostgresRunner
from gateway.store.runner import LedgerOptions, Runner
from gateway.store.sqlite import SqliteRunner
from gateway.store.tables import REVISIONS

# A key that was in force may be freed before it is looked up; twice in a row, something else is wrong.
_ATTEMPTS = 3
# How many rows of each kind one transaction of a purge touches: others wait for it.
_PURGED_AT_ONCE = 500


class SchemaState(StrEnum):
    """How a database's schema stands to this program."""

    CURRENT = "current"
    BEHIND = "behind"
    AHEAD = "ahead"


class SqlLedger:
    """A `Ledger` (see there) in SQL. Belongs to the event loop that it is used from."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def insert(self, entry: Entry) -> Entry | None:
        run = self._runner.transact if entry.parts else self._runner.write
        for _ in range(_ATTEMPTS):
            if await run(partial(operations.insert, entry=entry)):
                return None
            in_force = await self.by_key(entry.principal, entry.key)
            if in_force is not None:
                return in_force
        raise LedgerUnavailable("refused for another reason than its key")

    async def replace(self, old: Entry, new: Entry) -> bool:
        run = self._runner.write if old.parts == new.parts else self._runner.transact
        return await run(partial(operations.replace, old=old, new=new))

    async def get(self, entry_id: str) -> Entry | None:
        return await self._runner.read(partial(operations.get, entry_id=entry_id))

    async def by_key(self, principal: str, key: str) -> Entry | None:
        return await self._runner.read(partial(operations.by_key, principal=principal, key=key))

    async def by_results(self, results: Sequence[Ref]) -> list[Entry]:
        return await self._runner.read(partial(operations.by_results, results=results)) if results else []

    async def sent_to(self, target: Ref, credential: str) -> list[Entry]:
        return await self._runner.read(partial(operations.sent_to, target=target, credential=credential))

    async def page(
        self, wanted: EntryFilter, *, limit: int, after: tuple[datetime, str] | None = None
    ) -> list[Entry]:
        return await self._runner.read(partial(operations.page, wanted=wanted, limit=limit, after=after))

    async def count_in_doubt(self) -> int:
        return await self._runner.read(operations.count_in_doubt)

    async def due(self, now: datetime, *, limit: int) -> list[Entry]:
        return await self._runner.read(partial(operations.due, now=now, limit=limit))

    async def purge(self, retention: Retention) -> Purged:
        """As the port says, but a transaction for every few hundred entries: writes don't wait for all."""
        purge = partial(operations.purge, retention=retention, limit=_PURGED_AT_ONCE)
        keys = bodies = entries = 0
        while True:
            some = await self._runner.transact(purge)
            keys, bodies, entries = keys + some.keys, bodies + some.bodies, entries + some.entries
            if max(some.keys, some.bodies, some.entries) < _PURGED_AT_ONCE:
                return Purged(keys=keys, bodies=bodies, entries=entries)

    async def check_schema(self) -> SchemaState:
        """Whether the database has the schema that this program works on.

        Raises:
            LedgerUnavailable: It can't be asked.
        """
        found = await self._runner.read(operations.revisions)
        if found == {REVISIONS[-1]}:
            return SchemaState.CURRENT
        return SchemaState.BEHIND if found <= set(REVISIONS) else SchemaState.AHEAD

    async def close(self) -> None:
        await self._runner.close()


def open_ledger(url: str, *, options: LedgerOptions | None = None) -> SqlLedger:
    """A ledger at a URL. It connects when it is first used.

    Args:
        url: `sqlite:///FILE`, or `postgresql://...` with libpq's parameters.
        options: Its limits, if not the usual ones.
    Raises:
        ValueError: The URL is of another form.
    """
    chosen = options or LedgerOptions()
    match parse(url):
        case SqliteFile(path):
            return SqlLedger(SqliteRunner(path, chosen))
        case PostgresDatabase(dsn):
            return SqlLedger(PostgresRunner(dsn, chosen))
