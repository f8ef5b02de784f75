"""The reconciler: asks sources whether writes in doubt have landed, and says so in the ledger.

It only ever reads at a source. Several may run at once, in as many processes: a row is leased by putting
a leased entry in its place, and that succeeds for one of them.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import structlog

from gateway.domain.audit import AuditKind
from gateway.domain.catalog import Catalog, Source
from gateway.domain.clock import Clock
from gateway.domain.errors import GatewayError
from gateway.domain.ids import Ref
from gateway.domain.ledger import Entry, EntryFilter, Ledger, LedgerUnavailable, ResultTaken, WriteState
from gateway.domain.ports import WriteFinder
from gateway.domain.writes import Attempt, Sighting
from gateway.writes import inputs, schedule, states
from gateway.writes.judging import judge
from gateway.writes.sending import LEASE_RAN_OUT

# How many rows one pass takes, and how many sources' answers it waits for at once.
_BATCH = 100
_AT_ONCE = 8
# How many writes under way to one source are held against one in doubt: more than ever are.
_RIVALS = 1_000
# A look is a read or two; whoever leased the row for longer than this has gone.
_LOOK_TIMEOUT_S = 60.0

_log = structlog.get_logger("gateway.writes")


class Reconciler:
    """Looks for writes that nobody is sure of."""

    def __init__(
        self,
        ledger: Ledger,
        catalog: Catalog,
        *,
        clock: Clock,
        listener: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        self._listener = listener
        self._ledger = ledger
        self._catalog = catalog
        self._clock = clock

    async def run(self, *, every_s: float) -> None:
        """Pass after pass, the first one at once, until cancelled. No failure ends it."""
        while True:
            try:
                while await self.run_once() == _BATCH:
                    pass
            except LedgerUnavailable as error:
                _log.warning("reconciler_has_no_ledger", detail=error.detail)
            except Exception:  # noqa: BLE001 - a background task's edge
                _log.exception("reconciler_failed")
            await asyncio.sleep(every_s)

    async def run_once(self) -> int:
        """Look at everything that is due; how many rows that were, at most 100."""
        due = await self._ledger.due(self._clock(), limit=_BATCH)
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(entry: Entry) -> None:
            async with slots:
                await self.look(entry)

        looks = await asyncio.gather(*map(one, due), return_exceptions=True)
        for failed in looks:
            if isinstance(failed, BaseException):
                raise failed
        return len(due)

    async def look(self, entry: Entry) -> Entry:
        """Look now for one write, whether it is due or not; the entry as it is afterwards.

        Nothing is done about one whose outcome is known, or that somebody else is at work on.

        Raises:
            LedgerUnavailable: The ledger can't be reached.
        """
        now = self._clock()
        if entry.leased_until is not None and entry.leased_until > now:
            return entry
        if entry.state is WriteState.PENDING:
            entry = await self._lapse(entry)
        if schedule.open_for(entry) is None:
            return entry
        source = self._source(entry)
        if source is None or source.port(WriteFinder) is None:
            return await self._put_off(entry, source)
        leased = replace(entry, leased_until=now + timedelta(seconds=_LOOK_TIMEOUT_S + 15))
        if not await self._ledger.replace(entry, leased):
            return await self._ledger.get(entry.id) or entry
        leased = replace(leased, version=entry.version + 1)
        # Absence is of when the source was asked, not of when its answer came.
        settled = schedule.settled(leased, source, now=now)
        sighting = await self._ask(source, leased)
        return await self._conclude(leased, sighting, source, settled=settled)

    async def _lapse(self, entry: Entry) -> Entry:
        """A sender's lease ran out: it crashed, or lost the ledger."""
        lapsed = states.lapsed(entry, LEASE_RAN_OUT, now=self._clock())
        if await self._ledger.replace(entry, lapsed, kind=AuditKind.WRITE_LAPSED):
            _log.warning("write_lease_ran_out", write=entry.id, source=entry.source)
            return replace(lapsed, version=entry.version + 1)
        return await self._ledger.get(entry.id) or entry

    def _source(self, entry: Entry) -> Source | None:
        """The source, if it still has the credentials that the write was sent with."""
        source = self._catalog.get(entry.source)
        return source if source is not None and source.credential == entry.credential else None

    async def _put_off(self, entry: Entry, source: Source | None) -> Entry:
        """Nobody can be asked: a person has to settle it, or the configuration to come back."""
        later = schedule.next_look(entry, source, now=self._clock())
        if later.next_look_at == entry.next_look_at:
            return entry
        return await self._put(entry, later) or await self._ledger.get(entry.id) or entry

    async def _ask(self, source: Source, entry: Entry) -> Sighting | None:
        """What the source shows; None where it can't be asked, or not understood."""
        finder = source.port(WriteFinder)
        try:
            write = inputs.decode(entry)
            if write is None or finder is None:
                return None
            async with asyncio.timeout(_LOOK_TIMEOUT_S):
                return await finder.find_write(
                    write, Attempt(entry.reference, entry.baseline, entry.submitted_at)
                )
        except (GatewayError, TimeoutError) as error:
            _log.warning("write_not_looked_for", write=entry.id, source=source.key, reason=str(error))
        except Exception:  # noqa: BLE001 - a fault with one row leaves the others their look
            _log.exception("adapter_failed", write=entry.id, source=source.key)
        return None

    async def _conclude(
        self, entry: Entry, sighting: Sighting | None, source: Source, *, settled: bool
    ) -> Entry:
        now = self._clock()
        looked = replace(entry, looks=entry.looks + 1, leased_until=None)
        if sighting is not None:
            # In this order: a rival that learns its result meanwhile is an owner then.
            rival = await self._has_rival(entry, sighting)
            owned = await self._owned(entry, sighting)
            looked = judge(looked, sighting, owned, settled=settled, rival=rival, now=now)
        done = await self._put(entry, schedule.next_look(looked, source, now=now))
        if done is None:
            return await self._ledger.get(entry.id) or entry
        if done.state is not entry.state:
            event = "write_landed_late" if entry.state is WriteState.REJECTED else "write_reconciled"
            _log.warning(event, write=entry.id, source=entry.source, state=done.state.value)
            self._listener(entry.source, done.state.value)
        return done

    async def _has_rival(self, entry: Entry, sighting: Sighting) -> bool:
        """Whether an equal write, under way or done, may be what is seen, and nobody knows yet.

        Somebody who got no answer may have written the same again under another key.
        """
        if not sighting.matches or sighting.matches == (entry.target,) or entry.parts:
            return False
        under_way = await self._ledger.page(
            EntryFilter(state=WriteState.PENDING, source=entry.source, operation=entry.operation),
            limit=_RIVALS,
        )
        done = [] if entry.target is None else await self._ledger.sent_to(entry.target, entry.credential)
        return any(
            each.fingerprint == entry.fingerprint and each.result is None and each.id != entry.id
            for each in (*under_way, *done)
        )

    async def _owned(self, entry: Entry, sighting: Sighting) -> set[Ref]:
        """What other writes have become: it can't be this one."""
        entries = await self._ledger.by_results((*sighting.matches, *sighting.near))
        return {each.result for each in entries if each.result is not None and each.id != entry.id}

    async def _put(self, old: Entry, new: Entry) -> Entry | None:
        try:
            done = await self._ledger.replace(old, new, kind=AuditKind.WRITE_RECONCILED)
        except ResultTaken:
            # Another reconciler gave the same object to a twin of this write: look again later.
            new = replace(old, looks=new.looks, leased_until=None, next_look_at=self._clock())
            done = await self._ledger.replace(old, new, kind=AuditKind.WRITE_RECONCILED)
        return replace(new, version=old.version + 1) if done else None
