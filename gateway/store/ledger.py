"""The ledger over either database."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial

from gateway.domain import audit
from gateway.domain.api_keys import ApiKey
from gateway.domain.audit import AuditEvent, AuditFilter, AuditKind, Deed
from gateway.domain.clock import Clock, utc_now
from gateway.domain.ids import Ref
from gateway.domain.ledger import Entry, EntryFilter, LedgerUnavailable, Purged, Retention
from gateway.store import events, keys, operations
from gateway.store.address import PostgresDatabase, SqliteFile, parse
from gateway.store.events import Stamps
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
    """A `Ledger` and a `KeyStore` (see there) in SQL. Belongs to the event loop that it is used from."""

    def __init__(self, runner: Runner, *, clock: Clock = utc_now) -> None:
        self._runner = runner
        self._stamps = Stamps(clock)

    async def insert(self, entry: Entry) -> Entry | None:
        run = self._runner.transact if entry.parts else self._runner.write
        event = self._stamps.next().on(audit.submitted(entry))
        for _ in range(_ATTEMPTS):
            if await run(partial(operations.insert, entry=entry, event=event)):
                return None
            in_force = await self.by_key(entry.principal, entry.key)
            if in_force is not None:
                return in_force
        raise LedgerUnavailable("refused for another reason than its key")

    async def replace(self, old: Entry, new: Entry, *, kind: AuditKind = AuditKind.WRITE_SETTLED) -> bool:
        run = self._runner.write if old.parts == new.parts else self._runner.transact
        deed = audit.changed(old, new, kind)
        event = None if deed is None else self._stamps.next().on(deed)
        return await run(partial(operations.replace, old=old, new=new, event=event))

    async def get(self, entry_id: str) -> Entry | None:
        return await self._runner.read(partial(operations.get, entry_id=entry_id))

    async def by_ids(self, entry_ids: Sequence[str]) -> list[Entry]:
        return await self._runner.read(partial(operations.by_ids, entry_ids=entry_ids)) if entry_ids else []

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
        total = Purged(0, 0, 0)
        while True:
            stamp = self._stamps.next()
            some = await self._runner.transact(
                partial(operations.purge, retention=retention, limit=_PURGED_AT_ONCE, stamp=stamp)
            )
            total = Purged(
                keys=total.keys + some.keys,
                bodies=total.bodies + some.bodies,
                entries=total.entries + some.entries,
                events=total.events + some.events,
            )
            if max(some.keys, some.bodies, some.entries, some.events) < _PURGED_AT_ONCE:
                return total

    async def append(self, deed: Deed) -> None:
        await self._runner.write(partial(events.append, event=self._stamps.next().on(deed)))

    async def audit_page(
        self, wanted: AuditFilter, *, limit: int, after: str | None = None
    ) -> list[AuditEvent]:
        return await self._runner.read(partial(events.newest, wanted=wanted, limit=limit, after=after))

    async def audit_history(
        self, wanted: AuditFilter, *, limit: int, after: str | None = None
    ) -> list[AuditEvent]:
        return await self._runner.read(partial(events.oldest, wanted=wanted, limit=limit, after=after))

    async def add_key(self, key: ApiKey) -> None:
        event = self._stamps.next().on(audit.key_created(key))
        await self._runner.transact(partial(keys.add, key=key, event=event))

    async def keys(self) -> list[ApiKey]:
        return await self._runner.read(keys.all_keys)

    async def revoke_key(self, key_id: str, at: datetime) -> ApiKey | None:
        stamp = self._stamps.next()
        return await self._runner.transact(partial(keys.revoke, key_id=key_id, at=at, stamp=stamp))

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


def open_ledger(url: str, *, options: LedgerOptions | None = None, clock: Clock = utc_now) -> SqlLedger:
    """A ledger at a URL. It connects when it is first used.

    Args:
        url: `sqlite:///FILE`, or `postgresql://...` with libpq's parameters.
        options: Its limits, if not the usual ones.
        clock: When its events happen.
    Raises:
        ValueError: The URL is of another form.
    """
    chosen = options or LedgerOptions()
    match parse(url):
        case SqliteFile(path):
            return SqlLedger(SqliteRunner(path, chosen), clock=clock)
        case PostgresDatabase(dsn):
            return SqlLedger(PostgresRunner(dsn, chosen), clock=clock)
