"""Every write to a source goes through here: recorded, sent once in a task of its own, recorded again.

The order is the promise: PENDING is committed before the first byte leaves and the outcome after the
answer came; no transaction is open in between. Whoever repeats a write under its key is told what the
ledger holds, whichever process holds it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, TypeVar

from gateway.domain.catalog import Source
from gateway.domain.clock import Clock
from gateway.domain.deadline import remaining_s, within
from gateway.domain.errors import DeadlineExceeded, GatewayError, Refusal, RefusalCode, SourceRejected
from gateway.domain.ids import Ref, new_entry_id
from gateway.domain.ledger import Entry, Ledger, Part, WriteState
from gateway.domain.writes import Attempt
from gateway.writes import states
from gateway.writes.journal import Intent, Journal
from gateway.writes.sending import Sent, not_begun, send_once

T = TypeVar("T")

Prepare = Callable[[], Awaitable[str | None]]
Send = Callable[[Attempt], Awaitable[T]]
SendParts = Callable[[Sequence[Ref]], Awaitable[Sequence[Refusal | None]]]
FindDone = Callable[[], Awaitable[Collection[Ref]]]


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """How a write ended, or stands.

    Attributes:
        entry: What the ledger holds; None where nothing was recorded.
        value: What the source made of it, where this process sent it just now.
        refusals: Why it was refused, finally.
        error: Why it was not applied, although nothing is wrong with it.
    """

    entry: Entry | None
    value: T | None = None
    refusals: tuple[Refusal, ...] = ()
    error: GatewayError | None = None

    def again(self) -> "Outcome[T]":
        """The same, as told to somebody who asked once more."""
        return self if self.entry is None else replace(self, entry=replace(self.entry, replayed=True))


def _unknown() -> "asyncio.Future[Outcome[Any]]":
    return asyncio.get_running_loop().create_future()


@dataclass(slots=True, eq=False)
class _Running:
    """A write under way.

    Attributes:
        waiting: How many callers wait for its outcome.
        given_up: Nobody waited any more before it had begun: it must not begin.
        recording: It has begun: its intent is being committed, or has been.
        recorded: What the ledger holds of it meanwhile, once that is known.
    """

    intent: Intent
    task: "asyncio.Task[Outcome[Any]]" = field(init=False)
    waiting: int = 0
    given_up: bool = False
    recording: bool = False
    recorded: "asyncio.Future[Outcome[Any]]" = field(default_factory=_unknown)

    def begin(self) -> None:
        """The last moment at which nothing has happened yet."""
        if self.given_up:
            raise DeadlineExceeded(self.intent.source.key, detail="write not begun", sent=False)
        self.recording = True
        if self.recorded.done():
            # What is known is an attempt before this one.
            self.recorded = _unknown()

    def is_anothers(self) -> None:
        """Somebody else was faster: of this one nothing has begun."""
        self.recording = False

    def stands(self, entry: Entry) -> None:
        """From here on there is something to tell, should a caller's time run out."""
        if not self.recorded.done():
            self.recorded.set_result(Outcome(entry))


class Writes:
    """Runs writes over a ledger."""

    def __init__(
        self, ledger: Ledger, *, clock: Clock, listener: Callable[[str, str], None] = lambda *_: None
    ) -> None:
        self._journal = Journal(ledger, clock=clock, listener=listener)
        self._clock = clock
        self._running: dict[tuple[str, str], _Running] = {}

    async def run(self, intent: Intent, send: Send[T], *, prepare: Prepare | None = None) -> Outcome[T]:
        """Do a write of one call, or tell what became of the same one.

        Args:
            intent: What and for whom; its input has been checked already.
            send: Sends it once and returns what the source made of it: a record, a reference or None.
            prepare: Reads what has to be known before; goes before anything is recorded.
        Raises:
            LedgerUnavailable: Nothing was sent.
            SourceError: `prepare` failed, or the caller's time ran out: nothing was recorded or sent.
        """
        return await self._own(intent, lambda running, key: self._run(running, key, send, prepare))

    async def run_parts(
        self, intent: Intent, targets: Sequence[Ref], send: SendParts, *, done: FindDone, limit: int
    ) -> Outcome[None]:
        """Do a write of several calls, each object with an outcome of its own.

        Args:
            intent: What and for whom.
            targets: The objects, in the caller's order, without repeats.
            send: Sends one call for some of them: a slot each, None where it was done.
            done: Reads which of them need no sending; goes before anything is recorded.
            limit: How many one call takes.
        Raises:
            LedgerUnavailable: Nothing was sent.
            SourceError: `done` failed, or the caller's time ran out: nothing was recorded or sent.
        """
        return await self._own(
            intent, lambda running, key: self._run_parts(running, key, targets, send, done, limit)
        )

    async def recorded(self, intent: Intent) -> Outcome[Any] | None:
        """What became of the same write; None if nothing that stands is recorded under its key."""
        if intent.key is None:
            return None
        if (running := self._running.get((intent.principal, intent.key))) is not None:
            return await _join(running, intent)
        known = await self._journal.by_key(intent.principal, intent.key)
        return None if known is None else (await self._tell(known, intent))[0]

    async def drain(self) -> None:
        """Wait until every write that has begun has its outcome."""
        while self._running:
            await asyncio.gather(*(each.task for each in self._running.values()), return_exceptions=True)

    async def _own(self, intent: Intent, run: Callable[[_Running, str], Awaitable[Outcome[T]]]) -> Outcome[T]:
        """Run it in a task that no caller's disconnect or deadline cuts; the same write at once joins it."""
        if remaining_s() == 0:
            raise DeadlineExceeded(intent.source.key, detail="write not begun", sent=False)
        key = intent.key or f"gw-{new_entry_id(self._clock())}"
        known = self._running.get((intent.principal, key))
        if known is not None:
            return await _join(known, intent)
        running = _Running(intent)

        async def owned() -> Outcome[T]:
            try:
                return await run(running, key)
            finally:
                del self._running[intent.principal, key]

        with within(None):
            running.task = asyncio.create_task(owned(), name=f"write {intent.operation}")
        self._running[intent.principal, key] = running
        running.task.add_done_callback(_look_at)
        return await _outcome(running)

    async def _run(self, running: _Running, key: str, send: Send[T], prepare: Prepare | None) -> Outcome[T]:
        intent, source = running.intent, running.intent.source
        # Only what has to be prepared is looked up first: a repeat must not cost the source a read.
        known = None if prepare is None else await self._journal.by_key(intent.principal, key)
        while True:
            if known is not None:
                told, known = await self._tell(known, intent, running)
                if told is not None:
                    return told
            try:
                baseline = None if prepare is None else await prepare()
            except SourceRejected as error:
                return Outcome(None, refusals=error.refusals)
            running.begin()
            entry, mine = (
                await self._journal.open(intent, key, baseline=baseline)
                if known is None
                else await self._journal.reopen(known, source, baseline=baseline)
            )
            if mine and entry is not None:
                break
            running.is_anothers()
            known = entry
        running.stands(entry)
        attempt = Attempt(entry.reference, entry.baseline, entry.submitted_at)
        sent = await self._send(entry, source, partial(send, attempt))
        settled = await self._journal.settle(entry, sent.event, source)
        return Outcome(settled, sent.value, _refusals(settled), sent.error)

    async def _run_parts(
        self,
        running: _Running,
        key: str,
        targets: Sequence[Ref],
        send: SendParts,
        done: FindDone,
        limit: int,
    ) -> Outcome[None]:
        intent = running.intent
        known = await self._journal.by_key(intent.principal, key)
        while True:
            if known is not None:
                told, known = await self._tell(known, intent, running)
                if told is not None:
                    return told
            parts = _parts(targets, await done()) if known is None else ()
            running.begin()
            entry, mine = (
                await self._journal.open(intent, key, parts=parts)
                if known is None
                else await self._journal.reopen(known, intent.source)
            )
            if mine and entry is not None:
                running.stands(entry)
                return await self._send_parts(intent.source, entry, send, limit)
            running.is_anothers()
            known = entry

    async def _send_parts(self, source: Source, entry: Entry, send: SendParts, limit: int) -> Outcome[None]:
        """Call by call, each recorded before the next; one that fails or is in doubt ends the sending."""
        waiting = [at for at, part in enumerate(entry.parts) if part.state is WriteState.PENDING]
        events: dict[int, states.Event] = {}  # What the ledger hasn't got yet.
        error: GatewayError | None = None
        told = entry
        going = True
        while waiting:
            positions = waiting[:limit] if going else waiting
            waiting = waiting[len(positions) :]
            targets = [entry.parts[at].target for at in positions]
            sent = (
                await self._send(entry, source, partial(_slots, send, targets))
                if going
                else not_begun(source)
            )
            error = error or sent.error
            events |= zip(positions, sent.per_part(len(targets)), strict=True)
            told, recorded = await self._journal.settle_parts(entry, events, source)
            if recorded:
                entry, events = told, {}
            going = going and recorded and sent.error is None and not isinstance(sent.event, states.Lost)
        return Outcome(told, refusals=_refusals(told), error=error)

    async def _send(self, entry: Entry, source: Source, send: Callable[[], Awaitable[T]]) -> Sent[T]:
        return await send_once(source, send) if self._journal.has_time(entry, source) else not_begun(source)

    async def _tell(
        self, known: Entry, intent: Intent, running: _Running | None = None
    ) -> tuple[Outcome[Any] | None, Entry]:
        """What to answer to a repeat, None where something of it may be sent again; the entry by now."""
        if known.fingerprint != intent.fingerprint:
            return _CONFLICT, known
        if running is not None and known.state is WriteState.PENDING:
            running.stands(replace(known, replayed=True))
        known = await self._journal.until_settled(known)
        if states.may_repeat(known):
            return None, known
        told: Outcome[Any] = Outcome(known, refusals=_refusals(known))
        return told.again(), known


def _look_at(task: "asyncio.Task[Outcome[Any]]") -> None:
    """Take note of a failure that nobody waits for any more: asyncio would complain."""
    if not task.cancelled():
        task.exception()


async def _join(running: _Running, intent: Intent) -> Outcome[Any]:
    if running.intent.fingerprint != intent.fingerprint:
        return _CONFLICT
    return (await _outcome(running)).again()


async def _outcome(running: _Running) -> Outcome[Any]:
    """What a write came to; if the caller's time runs out first, how it stands.

    Raises:
        DeadlineExceeded: It had not begun. Unless others still wait for it, it won't.
    """
    running.given_up = False
    running.waiting += 1
    try:
        done, _ = await asyncio.wait({running.task}, timeout=remaining_s())
    finally:
        running.waiting -= 1
    if not done and not running.recording:
        running.given_up = running.waiting == 0
        if not running.recorded.done():
            raise DeadlineExceeded(running.intent.source.key, detail="write not begun", sent=False)
    if not done:
        # Its intent is being committed, if it isn't yet: soon there is something to tell.
        await asyncio.wait({running.task, running.recorded}, return_when=asyncio.FIRST_COMPLETED)
    return running.task.result() if running.task.done() else running.recorded.result()


async def _slots(send: SendParts, targets: Sequence[Ref]) -> Sequence[Refusal | None]:
    """What one call came to, checked: an answer about other objects tells nothing of these."""
    slots = await send(targets)
    if len(slots) != len(targets):
        raise ValueError(f"{len(slots)} slots for {len(targets)} objects")
    return slots


def _parts(targets: Sequence[Ref], done: Collection[Ref]) -> tuple[Part, ...]:
    return tuple(
        Part(target, WriteState.CONFIRMED, already=True) if target in done else Part(target)
        for target in targets
    )


_CONFLICT: Outcome[Any] = Outcome(
    None,
    refusals=(
        Refusal(
            RefusalCode.IDEMPOTENCY_CONFLICT,
            "This idempotencyKey was used for another write. Use a new key for a new write.",
            ("idempotencyKey",),
        ),
    ),
)


def _refusals(entry: Entry) -> tuple[Refusal, ...]:
    """Why the source refused it or some of its parts; other reasons for not applying it aren't among them."""
    problems = [part.problem for part in entry.parts] if entry.parts else [entry.problem]
    return tuple(refusal for problem in problems if problem is not None for refusal in problem.refusals)
