"""Writes of one call: recorded, sent once, recorded again. Over the real ledger."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from gateway.domain.errors import (
    Refusal,
    RefusalCode,
    SourceAuthError,
    SourceProtocolError,
    SourceRejected,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
)
from gateway.domain.ledger import (
    Entry,
    EntryFilter,
    Problem,
    Retention,
    WriteState,
)
from gateway.domain.writes import Attempt
from gateway.writes.journal import Intent
from gateway.writes.service import Outcome, Writes
from tests.gateway.writes.conftest import FileLedger, Ledgers
from tests.gateway.writes.desk import (
    DOUBT_TEXT,
    GONE,
    NOT_SENT,
    REPLY,
    START,
    TICKET,
    TIMED_OUT,
    Desk,
    Hands,
    Window,
    at,
    entry,
    intent,
    message,
    row,
    soon,
    source,
)

T = TypeVar("T")

PENDING, CONFIRMED, REJECTED = WriteState.PENDING, WriteState.CONFIRMED, WriteState.REJECTED
IN_DOUBT = WriteState.IN_DOUBT

_NO = Refusal(RefusalCode.TOO_LONG, "Too long.", ("body",), "desk", "E17")
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


def _unsent() -> SourceUnavailable:
    return SourceUnavailable("desk", sent=False)


def _confirmed(of: Outcome[Any], number: int = 1, **changes: Any) -> Outcome[Any]:
    """What is told of a reply that became the message of that number."""
    done = entry(
        CONFIRMED,
        **{
            "id": row(of).id,
            "result": message(number),
            "settled_at": START,
            "version": 2,
            **changes,
        },
    )
    return Outcome(done, message(number))


def _replayed(outcome: Outcome[Any]) -> Outcome[Any]:
    """The same as the ledger tells it."""
    return replace(outcome, entry=replace(row(outcome), replayed=True), value=None)


async def _all(*runs: Awaitable[T]) -> list[T]:
    return list(await asyncio.gather(*runs))


async def _rows(ledger: FileLedger) -> list[Entry]:
    return await ledger.page(EntryFilter(), limit=100)


# -- once


async def test_a_write_is_sent_and_recorded(writes: Writes, other: FileLedger) -> None:
    desk = Desk()

    outcome = await writes.run(intent(), desk.send)

    assert outcome == _confirmed(outcome)
    assert await _rows(other) == [row(outcome)]
    assert desk.attempts == [Attempt(row(outcome).reference, None, START)]


async def test_the_intent_is_in_the_ledger_before_anything_is_sent(writes: Writes, other: FileLedger) -> None:
    seen: list[Entry | None] = []

    async def look() -> None:
        seen.append(await other.by_key("ola", "k1"))

    outcome = await writes.run(intent(), Desk(during=look).send)

    assert seen == [entry(id=row(outcome).id)], "PENDING, through another connection"


async def test_the_same_write_fifty_times_at_once_is_sent_once(writes: Writes) -> None:
    desk = Desk()

    first, *twins = await _all(*(writes.run(intent(), desk.send) for _ in range(50)))

    assert first == _confirmed(first)
    assert twins == [first.again()] * 49
    assert [row(twin).replayed for twin in twins] == [True] * 49
    assert desk.sent == 1


async def test_the_same_write_while_it_is_running_waits_for_the_one_outcome(writes: Writes) -> None:
    desk = Desk()
    desk.free.clear()
    first = asyncio.ensure_future(writes.run(intent(), desk.send))
    await soon(desk.begun)
    twin = asyncio.ensure_future(writes.run(replace(intent(), input=replace(REPLY)), desk.send))
    told = asyncio.ensure_future(writes.recorded(intent()))
    await asyncio.sleep(0)
    desk.free.set()

    outcome = await first
    assert await _all(twin, told) == [outcome.again()] * 2
    assert desk.sent == 1


async def test_the_same_write_afterwards_is_told_what_the_ledger_holds(writes: Writes) -> None:
    desk = Desk()
    outcome = await writes.run(intent(), desk.send)

    assert await writes.run(intent(), desk.send) == _replayed(outcome)
    assert await writes.recorded(intent()) == _replayed(outcome)
    assert desk.sent == 1


async def test_the_same_write_after_a_restart_is_told_what_the_ledger_holds(
    ledgers: Ledgers, clock: Hands
) -> None:
    before, desk = ledgers.open(), Desk()
    outcome = await Writes(before, clock=clock).run(intent(), desk.send)
    await before.close()

    anew = Writes(ledgers.open(), clock=clock)

    assert await anew.run(intent(), desk.send) == _replayed(outcome)
    assert await anew.recorded(intent()) == _replayed(outcome)
    assert desk.sent == 1


async def test_a_worker_waits_for_the_write_that_another_one_is_sending(
    writes: Writes, elsewhere: Writes, other: FileLedger
) -> None:
    desk = Desk()
    desk.free.clear()
    first = asyncio.ensure_future(writes.run(intent(), desk.send))
    await soon(desk.begun)
    second = asyncio.ensure_future(elsewhere.run(intent(), desk.send))
    told = asyncio.ensure_future(elsewhere.recorded(intent()))
    await soon(other.looked)
    assert not second.done()
    desk.free.set()

    outcome = await first
    assert await _all(second, told) == [_replayed(outcome)] * 2
    assert desk.sent == 1


async def test_a_worker_that_has_waited_long_enough_says_that_it_is_pending(
    writes: Writes, elsewhere: Writes, other: FileLedger, clock: Hands
) -> None:
    desk = Desk()
    desk.free.clear()
    first = asyncio.ensure_future(writes.run(intent(), desk.send))
    await soon(desk.begun)
    second = asyncio.ensure_future(elsewhere.run(intent(), desk.send))
    await soon(other.looked)
    clock.pass_s(30)

    told = await second
    assert told == Outcome(entry(id=row(told).id, replayed=True))
    desk.free.set()
    assert (await first).value == message(1)
    assert desk.sent == 1


async def test_two_workers_at_once_send_once(writes: Writes, elsewhere: Writes) -> None:
    desk = Desk()

    both = await _all(writes.run(intent(), desk.send), elsewhere.run(intent(), desk.send))

    first, second = sorted(both, key=lambda each: row(each).replayed)
    assert first == _confirmed(first)
    assert second == _replayed(first)
    assert desk.sent == 1


@pytest.mark.parametrize(
    "asked",
    [
        intent(input=replace(REPLY, body="Hello!")),
        intent(input=replace(REPLY, internal=True)),
        intent(input=replace(REPLY, conversation=replace(TICKET, parts=("43",)))),
        intent(operation="createCaseMessage"),
        intent(source=source(key="desk2")),
    ],
    ids=["text", "field", "target", "operation", "source"],
)
async def test_a_key_used_for_another_write_is_a_conflict_and_nothing_is_sent(
    writes: Writes, elsewhere: Writes, asked: Intent
) -> None:
    desk = Desk()
    desk.free.clear()
    first = asyncio.ensure_future(writes.run(intent(), desk.send))
    await soon(desk.begun)

    async with asyncio.timeout(5):
        for each in (writes, elsewhere):
            assert await each.run(asked, desk.send) == _CONFLICT, "at once, while the first is running"
            assert await each.recorded(asked) == _CONFLICT
    desk.free.set()
    outcome = await first
    for each in (writes, elsewhere):
        assert await each.run(asked, desk.send) == _CONFLICT, "and afterwards"
        assert await each.recorded(asked) == _CONFLICT
    assert await writes.run(intent(), desk.send) == _replayed(outcome), "the first one's outcome stands"
    assert desk.sent == 1


async def test_keys_belong_to_who_gave_them_and_do_not_run_into_each_other(writes: Writes) -> None:
    desk = Desk()
    asked = [
        intent(),
        intent(principal="jan"),
        intent(principal="eva", input=replace(REPLY, body="other")),
        intent(principal="ol", key="ak1"),
        intent(principal="olak", key="1"),
    ]

    outcomes = [await writes.run(each, desk.send) for each in asked]

    assert [outcome.value for outcome in outcomes] == [message(number) for number in (1, 2, 3, 4, 5)]


async def test_writes_without_a_key_are_never_joined(writes: Writes, other: FileLedger) -> None:
    desk = Desk()
    free = intent(key=None)

    both = await _all(writes.run(free, desk.send), writes.run(free, desk.send))

    assert {outcome.value for outcome in both} == {message(1), message(2)}
    assert (await writes.run(free, desk.send)).value == message(3)
    assert await writes.recorded(free) is None
    rows = await _rows(other)
    assert len({each.key for each in rows}) == 3
    assert all(each.key.startswith("gw-") for each in rows)


async def test_nothing_is_told_of_a_write_that_was_never_asked_for(writes: Writes) -> None:
    assert await writes.recorded(intent()) is None


# -- how a write ends

_REFUSED = Problem("TOO_LONG", "Too long.", refusals=(_NO,))
_DARK: dict[str, Any] = {"state": IN_DOUBT, "next_look_at": at(2)}


@pytest.mark.parametrize(
    ("answer", "changes", "value"),
    [
        (message(7), {"state": CONFIRMED, "result": message(7)}, message(7)),
        (TICKET, {"state": CONFIRMED, "next_look_at": at(2)}, TICKET),
        (None, {"state": CONFIRMED, "next_look_at": at(2)}, None),
        (SourceRejected("desk", (_NO,)), {"state": REJECTED, "problem": _REFUSED}, None),
        (SourceTimeout("desk"), {**_DARK, "problem": TIMED_OUT}, None),
        (SourceUnavailable("desk"), {**_DARK, "problem": Problem("SOURCE_UNAVAILABLE", DOUBT_TEXT)}, None),
        (
            SourceProtocolError("desk"),
            {**_DARK, "problem": Problem("SOURCE_PROTOCOL_ERROR", DOUBT_TEXT)},
            None,
        ),
        (LookupError("a fault of ours"), {**_DARK, "problem": GONE}, None),
    ],
    ids=["message", "its target", "nothing", "refused", "timeout", "reset", "unreadable", "our fault"],
)
async def test_an_outcome_is_recorded_and_stays(
    writes: Writes, other: FileLedger, answer: object, changes: dict[str, Any], value: object
) -> None:
    desk, asked = Desk([answer]), intent(source=source(Window()))

    outcome = await writes.run(asked, desk.send)

    problem = changes.get("problem")
    recorded = entry(
        **{"id": row(outcome).id, "settled_at": START, "leased_until": None, "version": 2, **changes}
    )
    refusals = () if problem is None else problem.refusals
    assert outcome == Outcome(recorded, value, refusals)
    assert await _rows(other) == [recorded]
    assert [await writes.run(asked, desk.send) for _ in range(2)] == [_replayed(outcome)] * 2
    assert desk.sent == 1, "refused, done or in doubt: never sent again"


async def test_a_send_without_an_end_is_in_doubt(writes: Writes, other: FileLedger) -> None:
    desk, asked = Desk(), intent(source=source(write_timeout_s=0.001))
    desk.free.clear()

    async with asyncio.timeout(20):
        outcome = await writes.run(asked, desk.send)

    assert (row(outcome).state, row(outcome).problem) == (IN_DOUBT, TIMED_OUT)
    assert await _rows(other) == [row(outcome)]


@pytest.mark.parametrize(
    "failure",
    [_unsent(), SourceTimeout("desk", sent=False), SourceThrottled("desk"), SourceAuthError("desk")],
    ids=lambda failure: type(failure).__name__,
)
async def test_what_was_certainly_not_applied_may_be_sent_again_with_its_key(
    writes: Writes, elsewhere: Writes, other: FileLedger, failure: Any
) -> None:
    desk = Desk([failure])
    problem = Problem(failure.code.value, f"{failure.message} The write was not applied.", repeatable=True)

    first = await writes.run(intent(), desk.send)

    rejected = entry(REJECTED, id=row(first).id, problem=problem, settled_at=START, version=2)
    assert first == Outcome(rejected, error=failure)
    assert await writes.recorded(intent()) is None, "nothing that stands"

    second = await elsewhere.run(intent(), desk.send)

    assert second == _confirmed(first, 2, attempts=2, version=4)
    assert await _rows(other) == [row(second)]
    assert [each.reference for each in desk.attempts] == [rejected.reference] * 2, "by one name"
    assert await writes.run(intent(), desk.send) == _replayed(second)


async def test_what_was_not_sent_is_still_that_write_to_its_key(writes: Writes) -> None:
    desk = Desk([_unsent()])
    await writes.run(intent(), desk.send)

    assert await writes.run(intent(input=replace(REPLY, body="other")), desk.send) == _CONFLICT
    assert desk.sent == 1


async def test_two_workers_that_repeat_at_once_send_once(writes: Writes, elsewhere: Writes) -> None:
    desk = Desk([_unsent()])
    first = await writes.run(intent(), desk.send)

    both = await _all(writes.run(intent(), desk.send), elsewhere.run(intent(), desk.send))

    done, told = sorted(both, key=lambda each: row(each).replayed)
    assert done == _confirmed(first, 2, attempts=2, version=4)
    assert told == _replayed(done)
    assert desk.sent == 2


async def test_who_waited_for_a_write_that_was_not_sent_sends_it(
    writes: Writes, elsewhere: Writes, other: FileLedger
) -> None:
    desk = Desk([_unsent()])
    desk.free.clear()
    first = asyncio.ensure_future(writes.run(intent(), desk.send))
    await soon(desk.begun)
    second = asyncio.ensure_future(elsewhere.run(intent(), desk.send))
    await soon(other.looked)
    desk.free.set()

    assert row(await first).state is REJECTED
    assert await second == _confirmed(await second, 2, attempts=2, version=4)


async def test_a_twin_shares_the_failure_of_the_one_it_waited_for(writes: Writes) -> None:
    desk = Desk([_unsent()])
    desk.free.clear()
    runs = [asyncio.ensure_future(writes.run(intent(), desk.send)) for _ in range(2)]
    await soon(desk.begun)
    desk.free.set()

    first, twin = await _all(*runs)

    assert (row(first).problem, twin) == (NOT_SENT, first.again())
    assert desk.sent == 1


@pytest.mark.parametrize("gone", ["key", "entry"])
async def test_a_key_that_is_given_back_meanwhile_begins_a_write_of_its_own(
    writes: Writes, other: FileLedger, gone: str
) -> None:
    """A purge between what a repeat reads and what it writes: the row is no longer what the key stands for."""
    desk = Desk([_unsent()])
    old = row(await writes.run(intent(), desk.send))
    never, always = START - timedelta(days=1), START + timedelta(days=1)
    before = {"keys_before": always, "bodies_before": never, "entries_before": never}
    purges = 0

    async def purge() -> None:
        nonlocal purges
        purges += 1
        await other.purge(Retention(**{**before, "entries_before": always if gone == "entry" else never}))

    async with asyncio.timeout(5):
        outcome = await writes.run(intent(), desk.send, prepare=purge)

    assert outcome == _confirmed(outcome, 2)
    assert row(outcome).id != old.id
    assert purges == 2, "read again for the write of its own"
    assert await other.by_key("ola", "k1") == row(outcome)


async def test_one_object_is_the_result_of_one_write(writes: Writes, other: FileLedger) -> None:
    desk = Desk([message(7), message(7)])
    first = await writes.run(intent(), desk.send)

    second = await writes.run(intent(key="k2"), desk.send)

    assert row(first).result == message(7)
    assert second == Outcome(
        entry(CONFIRMED, id=row(second).id, key="k2", settled_at=START, version=2), message(7)
    )
    assert await other.by_results([message(7)]) == [row(first)]


# -- what has to be read before


async def _baseline() -> str:
    return "seen: 6"


async def test_what_has_to_be_known_is_read_before_anything_is_recorded(
    writes: Writes, other: FileLedger
) -> None:
    desk, rows = Desk(), list[list[Entry]]()

    async def prepare() -> str:
        rows.append(await _rows(other))
        return "seen: 6"

    outcome = await writes.run(intent(), desk.send, prepare=prepare)

    assert rows == [[]]
    assert outcome == _confirmed(outcome, baseline="seen: 6")
    assert desk.attempts == [Attempt(row(outcome).reference, "seen: 6", START)]
    assert await writes.run(intent(), desk.send, prepare=prepare) == _replayed(outcome)
    assert len(rows) == 1, "a repeat reads nothing"


async def test_a_new_attempt_reads_anew(writes: Writes) -> None:
    desk, baselines = Desk([_unsent()]), ["seen: 7", "seen: 6"]

    async def prepare() -> str:
        return baselines.pop()

    first = await writes.run(intent(), desk.send, prepare=prepare)
    second = await writes.run(intent(), desk.send, prepare=prepare)

    assert second == _confirmed(first, 2, attempts=2, version=4, baseline="seen: 7")
    assert [each.baseline for each in desk.attempts] == ["seen: 6", "seen: 7"]


@pytest.mark.parametrize("failure", [_unsent(), SourceTimeout("desk"), LookupError("a fault of ours")])
async def test_if_it_cannot_be_read_nothing_is_recorded_or_sent(
    writes: Writes, other: FileLedger, failure: Exception
) -> None:
    desk = Desk()

    async def prepare() -> str:
        raise failure

    with pytest.raises(type(failure)) as raised:
        await writes.run(intent(), desk.send, prepare=prepare)

    assert raised.value is failure
    assert (desk.sent, await _rows(other)) == (0, [])
    assert (await writes.run(intent(), desk.send, prepare=_baseline)).value == message(1), "its key is free"


async def test_what_is_refused_on_reading_leaves_norow(writes: Writes, other: FileLedger) -> None:
    desk = Desk()

    async def prepare() -> str:
        raise SourceRejected("desk", (_NO,))

    assert await writes.run(intent(), desk.send, prepare=prepare) == Outcome(None, refusals=(_NO,))
    assert (desk.sent, await _rows(other)) == (0, [])


async def test_who_was_faster_while_another_read_sends_it_alone(writes: Writes, elsewhere: Writes) -> None:
    desk = Desk()
    done: list[Outcome[Any]] = []

    async def prepare() -> str:
        if not done:
            done.append(await elsewhere.run(intent(), desk.send))
        return "seen: 6"

    assert await writes.run(intent(), desk.send, prepare=prepare) == _replayed(done[0])
    assert desk.sent == 1
