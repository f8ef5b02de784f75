import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from gateway.domain.errors import (
    BadInput,
    ErrorCode,
    Refusal,
    RefusalCode,
    SourceAuthError,
    SourceError,
    SourceProtocolError,
    SourceRejected,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
    Unsupported,
    WriteInDoubt,
)
from gateway.domain.ids import EntityType, Ref
from gateway.domain.writes import Reply
from gateway.writes.service import Intent, Outcome, Writes

T = TypeVar("T")

_TICKET = Ref(EntityType.TICKET, "desk", ("42",))
_REPLY = Reply(conversation=_TICKET, body="Hello", sent_at=datetime(2026, 1, 2, tzinfo=UTC))
_INTENT = Intent(principal="ola", operation="reply", source="desk", key="k1", input=_REPLY)
_CONFLICT: Outcome[str] = Outcome(
    refusals=(
        Refusal(
            RefusalCode.IDEMPOTENCY_CONFLICT,
            "This idempotencyKey was used for another write. Use a new key for a new write.",
            ("idempotencyKey",),
        ),
    )
)
_SENT: Outcome[str] = Outcome("sent 1")
_REPLAYED: Outcome[str] = Outcome("sent 1", replayed=True)


class _Desk:
    """A source that a write is sent to: it counts, can be held back, and fails as it is told."""

    def __init__(self, *failures: Exception | None) -> None:
        self.sent = 0
        self.finished = 0
        self.begun = asyncio.Event()
        self.free = asyncio.Event()
        self.free.set()
        self._failures = list(failures)

    async def send(self) -> str:
        self.sent += 1
        self.begun.set()
        number = self.sent
        await self.free.wait()
        failure = self._failures.pop(0) if self._failures else None
        if failure is not None:
            raise failure
        self.finished += 1
        return f"sent {number}"


async def _all(*runs: Awaitable[T]) -> list[T]:
    return list(await asyncio.gather(*runs))


async def _settled(runs: Sequence[Awaitable[T]]) -> list[T | BaseException]:
    return await asyncio.gather(*runs, return_exceptions=True)


async def _doubt(
    writes: Writes, send: Callable[[], Awaitable[str]], intent: Intent = _INTENT
) -> WriteInDoubt:
    with pytest.raises(WriteInDoubt) as raised:
        await writes.run(intent, send)
    assert raised.value.source == "desk"
    return raised.value


# -- once


async def test_a_write_is_sent_and_its_value_told() -> None:
    writes, desk = Writes(), _Desk()

    assert await writes.run(_INTENT, desk.send) == _SENT
    assert desk.sent == 1


async def test_the_same_write_while_it_is_running_waits_for_the_one_outcome() -> None:
    writes, desk = Writes(), _Desk()
    desk.free.clear()
    first = asyncio.ensure_future(writes.run(_INTENT, desk.send))
    await desk.begun.wait()
    twins = [asyncio.ensure_future(writes.run(_INTENT, desk.send)) for _ in range(5)]
    desk.free.set()

    assert await _all(first, *twins) == [_SENT, *[_REPLAYED] * 5]
    assert desk.sent == 1


async def test_the_same_write_begun_twice_at_once_is_sent_once() -> None:
    writes, desk = Writes(), _Desk()

    assert await _all(*(writes.run(_INTENT, desk.send) for _ in range(3))) == [
        _SENT,
        _REPLAYED,
        _REPLAYED,
    ]
    assert desk.sent == 1


async def test_the_same_write_afterwards_is_told_the_recorded_outcome() -> None:
    writes, desk = Writes(), _Desk()
    await writes.run(_INTENT, desk.send)

    equal = replace(_INTENT, input=replace(_REPLY))
    assert [await writes.run(equal, desk.send) for _ in range(2)] == [_REPLAYED, _REPLAYED]
    assert desk.sent == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(_INTENT, input=replace(_REPLY, body="Hello!")),
        replace(_INTENT, input=replace(_REPLY, internal=True)),
        replace(_INTENT, input=replace(_REPLY, conversation=replace(_TICKET, parts=("43",)))),
        replace(_INTENT, operation="createCaseMessage"),
        replace(_INTENT, source="desk2"),
    ],
    ids=["text", "field", "target", "operation", "source"],
)
async def test_a_key_used_for_another_write_is_a_conflict_and_nothing_is_sent(other: Intent) -> None:
    writes, desk = Writes(), _Desk()
    desk.free.clear()
    first = asyncio.ensure_future(writes.run(_INTENT, desk.send))
    await desk.begun.wait()

    async with asyncio.timeout(5):
        assert await writes.run(other, desk.send) == _CONFLICT, "at once, while the first is running"
    desk.free.set()
    assert await first == _SENT
    assert await writes.run(other, desk.send) == _CONFLICT, "and afterwards"
    assert await writes.run(_INTENT, desk.send) == _REPLAYED, "the first one's outcome stands"
    assert desk.sent == 1


async def test_keys_belong_to_who_gave_them() -> None:
    writes, desk = Writes(), _Desk()

    assert await writes.run(_INTENT, desk.send) == _SENT
    assert await writes.run(replace(_INTENT, principal="jan"), desk.send) == Outcome("sent 2")
    assert await writes.run(
        replace(_INTENT, principal="eva", input=replace(_REPLY, body="other")), desk.send
    ) == Outcome("sent 3")


async def test_principals_and_keys_do_not_run_into_each_other() -> None:
    writes, desk = Writes(), _Desk()

    await writes.run(replace(_INTENT, principal="a", key="bc"), desk.send)
    await writes.run(replace(_INTENT, principal="ab", key="c"), desk.send)

    assert desk.sent == 2


async def test_writes_without_a_key_are_never_joined() -> None:
    writes, desk = Writes(), _Desk()
    free = replace(_INTENT, key=None)

    both = await _all(writes.run(free, desk.send), writes.run(free, desk.send))

    assert both == [Outcome("sent 1"), Outcome("sent 2")]
    assert await writes.run(free, desk.send) == Outcome("sent 3")


# -- refused, failed, in doubt


async def test_a_refusal_is_remembered() -> None:
    refusals = (Refusal(RefusalCode.REJECTED_BY_SOURCE, "No.", ("body",), "desk", "E17"),)
    writes, desk = Writes(), _Desk(SourceRejected("desk", refusals))

    assert await writes.run(_INTENT, desk.send) == Outcome(refusals=refusals)
    assert await writes.run(_INTENT, desk.send) == Outcome(refusals=refusals, replayed=True)
    assert desk.sent == 1


@pytest.mark.parametrize(
    "failure",
    [
        SourceUnavailable("desk", sent=False),
        SourceTimeout("desk", sent=False),
        SourceThrottled("desk", retry_after_s=3.0),
        SourceAuthError("desk"),
        BadInput("No.", argument="to"),
        Unsupported("No.", source="desk"),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_what_was_certainly_not_applied_may_be_tried_again_with_its_key(failure: Exception) -> None:
    writes, desk = Writes(), _Desk(failure)

    with pytest.raises(type(failure)) as raised:
        await writes.run(_INTENT, desk.send)

    assert raised.value is failure
    assert await writes.run(_INTENT, desk.send) == Outcome("sent 2")
    assert await writes.run(_INTENT, desk.send) == Outcome("sent 2", replayed=True)


async def test_after_a_failure_the_key_is_free_for_another_write_too() -> None:
    writes, desk = Writes(), _Desk(SourceUnavailable("desk", sent=False))
    await _settled([writes.run(_INTENT, desk.send)])

    other = replace(_INTENT, input=replace(_REPLY, body="other"))
    assert await writes.run(other, desk.send) == Outcome("sent 2")


async def test_a_twin_shares_the_failure_of_the_one_it_waited_for() -> None:
    failure = SourceUnavailable("desk", sent=False)
    writes, desk = Writes(), _Desk(failure)
    desk.free.clear()
    runs = [asyncio.ensure_future(writes.run(_INTENT, desk.send)) for _ in range(2)]
    await desk.begun.wait()
    desk.free.set()

    assert await _settled(runs) == [failure, failure]
    assert desk.sent == 1


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (SourceUnavailable("desk"), ErrorCode.SOURCE_UNAVAILABLE),
        (SourceTimeout("desk"), ErrorCode.SOURCE_TIMEOUT),
        (SourceProtocolError("desk"), ErrorCode.SOURCE_PROTOCOL_ERROR),
        (SourceError("desk"), ErrorCode.SOURCE_UNAVAILABLE),
        (LookupError("a fault of ours"), ErrorCode.INTERNAL_SERVER_ERROR),
        (TimeoutError(), ErrorCode.INTERNAL_SERVER_ERROR),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, Exception) else "",
)
async def test_a_write_in_doubt_stays_so_and_is_never_sent_again(failure: Exception, code: ErrorCode) -> None:
    writes, desk = Writes(), _Desk(failure)

    first = await _doubt(writes, desk.send)
    second = await _doubt(writes, desk.send)

    assert (first.code, first.__cause__, first.retryable) == (code, failure, False)
    assert second is first
    assert await writes.run(replace(_INTENT, operation="other"), desk.send) == _CONFLICT
    assert desk.sent == 1


async def test_a_doubt_that_the_adapter_tells_itself_is_kept() -> None:
    doubt = WriteInDoubt("desk", ErrorCode.SOURCE_TIMEOUT)
    writes, desk = Writes(), _Desk(doubt)

    assert await _doubt(writes, desk.send) is doubt
    assert await _doubt(writes, desk.send) is doubt
    assert desk.sent == 1


async def test_a_write_in_doubt_without_a_key_is_told_as_such() -> None:
    writes, desk = Writes(), _Desk(SourceTimeout("desk"))

    assert (await _doubt(writes, desk.send, replace(_INTENT, key=None))).code is ErrorCode.SOURCE_TIMEOUT


# -- callers that go, and the end of the process


@pytest.mark.parametrize("key", ["k1", None])
async def test_a_caller_that_goes_away_does_not_cut_the_write(key: str | None) -> None:
    writes, desk = Writes(), _Desk()
    desk.free.clear()
    caller = asyncio.ensure_future(writes.run(replace(_INTENT, key=key), desk.send))
    await desk.begun.wait()

    caller.cancel()
    assert [type(each) for each in await _settled([caller])] == [asyncio.CancelledError]
    draining = asyncio.ensure_future(writes.drain())
    desk.free.set()
    await draining

    if key is not None:
        assert await writes.run(_INTENT, desk.send) == _REPLAYED
    assert (desk.sent, desk.finished) == (1, 1), "it went through"


async def test_a_twin_that_goes_away_leaves_the_others_alone() -> None:
    writes, desk = Writes(), _Desk()
    desk.free.clear()
    first = asyncio.ensure_future(writes.run(_INTENT, desk.send))
    await desk.begun.wait()
    twin = asyncio.ensure_future(writes.run(_INTENT, desk.send))
    other = asyncio.ensure_future(writes.run(_INTENT, desk.send))
    await asyncio.sleep(0)

    twin.cancel()
    await _settled([twin])
    desk.free.set()

    assert await _all(first, other) == [_SENT, _REPLAYED]


async def test_a_failure_that_nobody_waits_for_any_more_disturbs_nobody() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    writes, desk = Writes(), _Desk(SourceTimeout("desk"), SourceUnavailable("desk", sent=False))
    desk.free.clear()
    callers = [
        asyncio.ensure_future(writes.run(replace(_INTENT, key=key), desk.send)) for key in ("k1", None)
    ]
    await desk.begun.wait()
    for caller in callers:
        caller.cancel()
    await _settled(callers)
    desk.free.set()
    await writes.drain()
    del callers
    asyncio.get_running_loop().set_exception_handler(None)

    assert complaints == []


async def test_draining_waits_for_every_write_that_has_begun_however_it_ends() -> None:
    writes, desk = Writes(), _Desk(None, SourceTimeout("desk"), LookupError())
    desk.free.clear()
    runs = [
        asyncio.ensure_future(writes.run(replace(_INTENT, key=key), desk.send)) for key in ("a", "b", None)
    ]
    await desk.begun.wait()
    draining = asyncio.ensure_future(writes.drain())
    await asyncio.sleep(0)
    assert not draining.done()

    desk.free.set()
    await draining

    assert not writes._running
    assert [type(outcome) for outcome in await _settled(runs)] == [Outcome, WriteInDoubt, WriteInDoubt]


async def test_with_nothing_running_draining_is_done_at_once() -> None:
    await Writes().drain()


# -- memory


async def _run_keys(writes: Writes, desk: _Desk, *keys: str) -> list[bool]:
    """Run a write per key one after the other; whether each was replayed."""
    return [(await writes.run(replace(_INTENT, key=key), desk.send)).replayed for key in keys]


async def test_only_the_latest_outcomes_are_remembered() -> None:
    writes, desk = Writes(memory=3), _Desk()

    await _run_keys(writes, desk, "a", "b", "c", "d")

    assert await _run_keys(writes, desk, "d", "c", "b") == [True, True, True]
    assert await _run_keys(writes, desk, "a") == [False], "forgotten, and so sent again"
    assert len(writes._entries) == 3


async def test_a_running_write_is_never_forgotten() -> None:
    writes, slow, desk = Writes(memory=1), _Desk(), _Desk()
    slow.free.clear()
    running = asyncio.ensure_future(writes.run(_INTENT, slow.send))
    await slow.begun.wait()
    await _run_keys(writes, desk, "a", "b", "c")

    twin = asyncio.ensure_future(writes.run(_INTENT, slow.send))
    slow.free.set()

    assert await _all(running, twin) == [_SENT, _REPLAYED]
    assert slow.sent == 1


async def test_writes_that_end_together_beyond_the_memory_end_quietly() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    writes = Writes(memory=1)
    desks = [_Desk(), _Desk(SourceUnavailable("desk", sent=False)), _Desk(), _Desk()]
    for desk in desks:
        desk.free.clear()
    runs = [
        asyncio.ensure_future(writes.run(replace(_INTENT, key=f"k{number}"), desk.send))
        for number, desk in enumerate(desks)
    ]
    await asyncio.gather(*(desk.begun.wait() for desk in desks))
    for desk in desks:
        desk.free.set()
    outcomes = await _settled(runs)
    await writes.drain()
    asyncio.get_running_loop().set_exception_handler(None)

    assert [type(outcome) for outcome in outcomes] == [Outcome, SourceUnavailable, Outcome, Outcome]
    assert complaints == []
    assert len(writes._entries) == 1
