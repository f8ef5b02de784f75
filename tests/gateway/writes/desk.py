"""What the tests of writes share: a desk that is written to, and entries as a ledger holds them."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.domain.catalog import Source
from gateway.domain.errors import ErrorCode, Refusal, RefusalCode
from gateway.domain.ids import EntityType, Ref
from gateway.domain.ledger import Entry, Part, Problem, WriteState
from gateway.domain.writes import Attempt, Confirmation, Reply, Sighting, WriteInput
from gateway.writes import inputs
from gateway.writes.journal import Intent
from gateway.writes.sending import LEASE_RAN_OUT
from gateway.writes.service import Outcome

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TICKET = Ref(EntityType.TICKET, "desk", ("42",))
REPLY = Reply(conversation=TICKET, body="Hello", sent_at=START)

FINAL = Problem("TOO_LONG", "Too long.", refusals=(Refusal(RefusalCode.TOO_LONG, "Too long."),))
NOT_SENT = Problem(
    ErrorCode.SOURCE_UNAVAILABLE.value,
    "The source could not be reached. The write was not applied.",
    repeatable=True,
)
DOUBT_TEXT = "The write was sent, but its source did not confirm it: it may have been applied."
TIMED_OUT = Problem(ErrorCode.SOURCE_TIMEOUT.value, DOUBT_TEXT)
GONE = LEASE_RAN_OUT
ABSENT = Problem(
    RefusalCode.REJECTED_BY_SOURCE.value,
    "The write did not arrive: its source does not show it, long after it was sent. "
    "Send it again with a new idempotencyKey.",
    by_absence=True,
)


class Hands:
    """A clock that stands until a test moves it.

    Who asks it again and again waits for a time that never comes, and is told so.
    """

    def __init__(self) -> None:
        self.moment = START
        self._asked = 0

    def __call__(self) -> datetime:
        self._asked += 1
        if self._asked > 10_000:
            raise RuntimeError("waits for ever")
        return self.moment

    def pass_s(self, seconds: float) -> datetime:
        self._asked = 0
        self.moment += timedelta(seconds=seconds)
        return self.moment


def at(seconds: float) -> datetime:
    """That long after the start."""
    return START + timedelta(seconds=seconds)


async def soon(event: asyncio.Event) -> None:
    """Wait for what has to happen."""
    async with asyncio.timeout(20):
        await event.wait()


def message(number: int) -> Ref:
    """A message of the ticket."""
    return Ref(EntityType.MESSAGE, "desk", ("42", str(number)))


def messages(count: int) -> tuple[Ref, ...]:
    return tuple(message(number) for number in range(1, count + 1))


@dataclass
class Desk:
    """A desk that is written to: it counts, can be held back, and fails as it is told.

    `answers` come one after the other, errors are raised; then each write becomes the message of its
    number. `during` runs while a write is under way.
    """

    answers: Sequence[object] = ()
    during: Callable[[], Awaitable[object]] | None = None

    def __post_init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.calls: list[tuple[Ref, ...]] = []
        self.begun = asyncio.Event()
        self.free = asyncio.Event()
        self.free.set()
        self._answers = list(self.answers)

    @property
    def sent(self) -> int:
        return len(self.attempts) + len(self.calls)

    async def send(self, attempt: Attempt) -> Any:
        self.attempts.append(attempt)
        return await self._answer(message(len(self.attempts)))

    async def confirm(self, targets: Sequence[Ref]) -> Any:
        self.calls.append(tuple(targets))
        return await self._answer([None] * len(targets))

    async def _answer(self, otherwise: object) -> object:
        self.begun.set()
        await self.free.wait()
        if self.during is not None:
            await self.during()
        answer = self._answers.pop(0) if self._answers else otherwise
        if isinstance(answer, BaseException):
            raise answer
        return answer


@dataclass
class Window:
    """A desk that can be looked at for writes: it shows one thing after the other, the last for ever.

    It can be held back like a Desk. `during` runs while a look is under way.
    """

    shows: Sequence[Sighting | BaseException] = (Sighting(),)
    during: Callable[[], Awaitable[object]] | None = None

    def __post_init__(self) -> None:
        self.asked: list[tuple[WriteInput, Attempt]] = []
        self.begun = asyncio.Event()
        self.free = asyncio.Event()
        self.free.set()

    async def find_write(self, write: WriteInput, attempt: Attempt) -> Sighting:
        self.asked.append((write, attempt))
        shown = self.shows[min(len(self.asked), len(self.shows)) - 1]
        self.begun.set()
        await self.free.wait()
        if self.during is not None:
            await self.during()
        if isinstance(shown, BaseException):
            raise shown
        return shown


def source(client: object = None, **changes: Any) -> Source:
    """The desk as a configured source: one write may take 60 s, and settles within 900 s."""
    plain = Source(key="desk", kind="desk", name="Desk", docs_url="", client=client, shapes={})
    return replace(plain, **changes)


def intent(*, key: str | None = "k1", **changes: Any) -> Intent:
    """Ola's reply to the ticket."""
    plain = Intent(principal="ola", source=source(), operation="reply", key=key, input=REPLY, target=TICKET)
    return replace(plain, **changes)


def confirmation(targets: Sequence[Ref], **changes: Any) -> Intent:
    """Ola's confirmation of several messages."""
    return intent(
        operation="confirmMessages", input=Confirmation(messages=tuple(targets)), target=None, **changes
    )


def entry(state: WriteState = WriteState.PENDING, **changes: Any) -> Entry:
    """That reply in the ledger, recorded at the start, settled 10 s later."""
    written = inputs.encode(REPLY)
    pending = Entry(
        id="0" * 32,
        principal="ola",
        credential="static",
        operation="reply",
        source="desk",
        target=TICKET,
        key="k1",
        fingerprint=inputs.fingerprint("reply", "desk", written),
        input=written,
        submitted_at=START,
        leased_until=at(75),
    )
    if state is not WriteState.PENDING:
        pending = replace(pending, state=state, settled_at=at(10), leased_until=None)
    return replace(pending, **changes)


def parted(*parts: Part, state: WriteState = WriteState.PENDING, **changes: Any) -> Entry:
    """A confirmation of several messages in the ledger."""
    written = inputs.encode(Confirmation(messages=tuple(part.target for part in parts)))
    return entry(
        state,
        **{
            "operation": "confirmMessages",
            "target": None,
            "input": written,
            "fingerprint": inputs.fingerprint("confirmMessages", "desk", written),
            "parts": parts,
            **changes,
        },
    )


def row(outcome: Outcome[Any]) -> Entry:
    """What an outcome says that the ledger holds."""
    assert outcome.entry is not None
    return outcome.entry


async def nothing_done() -> Collection[Ref]:
    """None of the messages is confirmed yet."""
    return ()
