"""What a sender does with the ledger: intents in, outcomes in, and what others have put there meanwhile."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from gateway.domain.audit import AuditKind
from gateway.domain.catalog import Source
from gateway.domain.clock import Clock
from gateway.domain.deadline import remaining_s
from gateway.domain.errors import NotForwarded
from gateway.domain.ids import Ref, new_entry_id
from gateway.domain.ledger import Entry, Ledger, LedgerUnavailable, Part, ResultTaken, WriteState
from gateway.domain.writes import WriteInput
from gateway.writes import inputs, schedule, states
from gateway.writes.sending import LEASE_RAN_OUT

# A lease outlives the longest send by this much: clocks of several machines differ.
LEASE_MARGIN = timedelta(seconds=15)
# How long a repeat waits for the outcome of the same write in another process, and how often it looks.
PATIENCE = timedelta(seconds=30)
_LOOK_EVERY_S = 0.05
# Pauses between attempts to record an outcome, should the ledger have gone meanwhile.
# A database that fails over takes tens of seconds; the answer waits as long, for what isn't recorded
# stays in doubt where no source can be asked.
_RECORD_AGAIN_AFTER_S = (0.05, 0.2, 1.0, 3.0, 5.0, 10.0, 15.0)

_log = structlog.get_logger("gateway.writes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is to be written, and for whom.

    `key` is the caller's idempotency key; a write without one is never joined. `input` is what the key
    is bound to, as the caller gave it: the same key with another input is a conflict.
    """

    principal: str
    source: Source
    operation: str
    key: str | None
    input: WriteInput
    target: Ref | None

    @property
    def fingerprint(self) -> str:
        """What the key is bound to, as a hash: bodies need not be kept for it."""
        return inputs.fingerprint(self.operation, self.source.key, inputs.encode(self.input))


def _credential(source: Source) -> str:
    credential = source.credential
    if credential is None:
        raise NotForwarded(source.key)
    return credential


class Journal:
    """The sender's side of a ledger."""

    def __init__(
        self, ledger: Ledger, *, clock: Clock, listener: Callable[[str, str], None] = lambda *_: None
    ) -> None:
        self._listener = listener
        self._ledger = ledger
        self._clock = clock
        self.by_key = ledger.by_key

    async def open(
        self, intent: Intent, key: str, *, baseline: str | None = None, parts: tuple[Part, ...] = ()
    ) -> tuple[Entry, bool]:
        """Commit that it is about to be sent. False, and the entry in force, if the key is taken."""
        now = self._clock()
        entry = Entry(
            id=new_entry_id(now),
            principal=intent.principal,
            credential=_credential(intent.source),
            operation=intent.operation,
            source=intent.source.key,
            target=intent.target,
            key=key,
            fingerprint=intent.fingerprint,
            baseline=baseline,
            input=inputs.encode(intent.input),
            submitted_at=now,
            leased_until=self._lease(intent.source),
            parts=parts,
        )
        if parts:
            entry = states.summed_up(entry, now=now)
        try:
            taken = await self._ledger.insert(entry)
        except LedgerUnavailable:
            # Its answer may have got lost: a row that nobody sends for would be in doubt for good.
            taken = await self._ledger.insert(entry)
        return (entry, True) if taken is None or taken == entry else (taken, False)

    async def reopen(
        self, known: Entry, source: Source, *, baseline: str | None = None
    ) -> tuple[Entry | None, bool]:
        """Commit a new attempt. False, and what the key stands for by now, if somebody else was faster."""
        again = states.reopened(known, baseline=baseline, leased_until=self._lease(source))
        again = replace(again, credential=_credential(source))
        if await self._ledger.replace(known, again, kind=AuditKind.WRITE_SUBMITTED):
            return replace(again, version=known.version + 1), True
        return await self._ledger.by_key(known.principal, known.key), False

    async def until_settled(self, known: Entry) -> Entry:
        """Wait for a sender in another process, as long as its lease and our patience last."""
        left_s = remaining_s()
        until = self._clock() + (PATIENCE if left_s is None else min(PATIENCE, timedelta(seconds=left_s)))
        while known.state is WriteState.PENDING and self._clock() < until:
            if known.leased_until is None or known.leased_until <= self._clock():
                lapsed = states.lapsed(known, LEASE_RAN_OUT, now=self._clock())
                await self._ledger.replace(known, lapsed, kind=AuditKind.WRITE_LAPSED)
            else:
                await asyncio.sleep(_LOOK_EVERY_S)
            known = await self._ledger.get(known.id) or known
        return known

    async def settle(self, entry: Entry, event: states.Event, source: Source) -> Entry:
        """Commit what became of a write of one call."""
        settled, _ = await self._record(
            entry, lambda known: states.settle(known, event, now=self._clock()), source
        )
        return settled

    async def settle_parts(
        self, entry: Entry, events: dict[int, states.Event], source: Source
    ) -> tuple[Entry, bool]:
        """Commit what became of some parts; while others wait, the lease begins anew.

        False if the ledger has gone: it has nothing of what the returned entry tells.
        """

        def settle(known: Entry) -> Entry:
            settled = states.settle_parts(known, events, now=self._clock())
            more = settled.state is WriteState.PENDING
            return replace(settled, leased_until=self._lease(source)) if more else settled

        return await self._record(entry, settle, source)

    def has_time(self, entry: Entry, source: Source) -> bool:
        """Whether a send that begins now ends within its lease: this process may have stood still."""
        timeout = timedelta(seconds=source.write_timeout_s)
        return entry.leased_until is not None and self._clock() + timeout <= entry.leased_until

    async def _record(
        self, entry: Entry, settle: Callable[[Entry], Entry], source: Source
    ) -> tuple[Entry, bool]:
        """Commit an outcome on top of whatever the row says by now.

        If the ledger stays away, the answer tells the truth all the same, and the row will be taken for
        that of a sender that crashed: False.
        """
        attempt, settled = entry.attempts, entry
        for pause_s in (*_RECORD_AGAIN_AFTER_S, None):
            try:
                settled = schedule.next_look(settle(entry), source, now=self._clock())
            except states.ImpossibleStep:
                _log.exception("write_outcome_contradicts_ledger", write=entry.id, source=entry.source)
                return entry, True
            try:
                recorded = await self._replace(entry, settled)
                if recorded is not None:
                    self._listener(recorded.source, recorded.state.value)
                    return recorded, True
                entry = await self._ledger.get(entry.id) or entry
                if entry.attempts != attempt:
                    # It had been recorded, and only the ledger's answer was lost: another has begun anew.
                    return entry, True
            except LedgerUnavailable as error:
                _log.warning("write_outcome_not_recorded", write=entry.id, detail=error.detail)
                if pause_s is None:
                    return settled, False
                await asyncio.sleep(pause_s)
        _log.warning("write_outcome_not_recorded", write=entry.id, detail="changed by others again and again")
        return settled, False

    async def _replace(self, old: Entry, new: Entry) -> Entry | None:
        """Put one in the other's place; None if the row has changed meanwhile."""
        more = new.state is WriteState.PENDING
        kind = AuditKind.WRITE_PROGRESSED if more else AuditKind.WRITE_SETTLED
        try:
            done = await self._ledger.replace(old, new, kind=kind)
        except ResultTaken:
            # A source that names one object twice: the write is done, whichever object it is.
            new = replace(new, result=None)
            done = await self._ledger.replace(old, new, kind=kind)
        return replace(new, version=old.version + 1) if done else None

    def _lease(self, source: Source) -> datetime:
        return self._clock() + timedelta(seconds=source.write_timeout_s) + LEASE_MARGIN
