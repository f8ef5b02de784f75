"""What a caller is told whose time runs out, and what becomes of the write. Over the real ledger.

Who has begun a write before the test goes on, and joins it with little time left, leaves nothing to chance:
however slow the machine is, the write is where it has to be when the time is up.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.clock import utc_now
from gateway.domain.deadline import Deadline, within
from gateway.domain.errors import DeadlineExceeded, SourceTimeout, SourceUnavailable
from gateway.domain.ledger import Entry, EntryFilter, LedgerUnavailable, WriteState
from gateway.writes.service import Outcome, Writes
from tests.gateway.writes.conftest import FileLedger
from tests.gateway.writes.desk import (
    NOT_SENT,
    TIMED_OUT,
    Desk,
    Hands,
    confirmation,
    entry,
    intent,
    message,
    messages,
    nothing_done,
    row,
    soon,
)

PENDING, CONFIRMED, REJECTED = WriteState.PENDING, WriteState.CONFIRMED, WriteState.REJECTED
IN_DOUBT = WriteState.IN_DOUBT
# Long enough for a write to begin on any machine, where nobody else can begin it.
TIME_TO_BEGIN_S = 0.3
SOON_S = 0.02


class Held:
    """A preparation that takes as long as a test wants."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.free = asyncio.Event()

    async def prepare(self) -> None:
        self.begun.set()
        await self.free.wait()

    async def done(self) -> tuple[()]:
        await self.prepare()
        return ()


Run = Callable[[Writes, Desk], Awaitable[Outcome[Any]]]


async def _single(writes: Writes, desk: Desk, *, held: Held | None = None) -> Outcome[Any]:
    return await writes.run(intent(), desk.send, prepare=None if held is None else held.prepare)


async def _parted(writes: Writes, desk: Desk, *, held: Held | None = None) -> Outcome[Any]:
    done = nothing_done if held is None else held.done
    targets = messages(2)
    return await writes.run_parts(confirmation(targets), targets, desk.confirm, done=done, limit=100)


both = pytest.mark.parametrize("run", [_single, _parted], ids=["one call", "several calls"])


async def _within(left_s: float | None, run: Awaitable[Outcome[Any]]) -> Outcome[Any]:
    """Wait for it as a caller who has so much time left."""
    async with asyncio.timeout(10):
        with within(None if left_s is None else Deadline.after(left_s)):
            return await asyncio.ensure_future(run)


async def _not_begun(run: Awaitable[Outcome[Any]]) -> None:
    with pytest.raises(DeadlineExceeded) as refused:
        await run
    assert (refused.value.source, refused.value.sent, refused.value.message) == (
        "desk",
        False,
        "The request's time ran out before the source was asked.",
    )


async def _states(ledger: FileLedger) -> list[WriteState]:
    return [each.state for each in await ledger.page(EntryFilter(), limit=9)]


# -- before it has begun


@both
async def test_once_the_time_is_up_nothing_begins(writes: Writes, other: FileLedger, run: Any) -> None:
    desk, held = Desk(), Held()

    await _not_begun(_within(0, run(writes, desk, held=held)))

    assert (desk.sent, held.begun.is_set(), await _states(other)) == (0, False, [])
    outcome = await _within(None, run(writes, desk))
    assert (row(outcome).state, row(outcome).attempts, row(outcome).replayed) == (CONFIRMED, 1, False)


@both
async def test_what_is_still_being_prepared_when_the_time_is_up_is_not_sent(
    writes: Writes, other: FileLedger, run: Any
) -> None:
    desk, held = Desk(), Held()

    await _not_begun(_within(SOON_S, run(writes, desk, held=held)))
    held.free.set()
    await writes.drain()

    assert (desk.sent, await _states(other)) == (0, [])
    # Nothing stands in the way of a new attempt under its key.
    outcome = await run(writes, desk)
    assert (row(outcome).state, row(outcome).replayed, desk.sent) == (CONFIRMED, False, 1)


@both
async def test_a_preparation_that_fails_after_its_caller_has_gone_disturbs_nobody(
    writes: Writes, other: FileLedger, run: Any
) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    desk = Desk()

    class Failing(Held):
        async def prepare(self) -> None:
            await super().prepare()
            raise SourceTimeout("desk")

    held = Failing()
    await _not_begun(_within(SOON_S, run(writes, desk, held=held)))
    held.free.set()
    await writes.drain()
    asyncio.get_running_loop().set_exception_handler(None)

    assert (desk.sent, await _states(other), complaints) == (0, [], [])


@both
@pytest.mark.parametrize("joins", ["before", "afterwards"])
async def test_it_is_sent_for_a_twin_that_has_more_time(writes: Writes, run: Any, joins: str) -> None:
    desk, held = Desk(), Held()
    impatient = asyncio.ensure_future(_within(SOON_S, run(writes, desk, held=held)))
    await soon(held.begun)
    if joins == "afterwards":
        await _not_begun(impatient)
    patient = asyncio.ensure_future(_within(None, run(writes, desk, held=held)))
    if joins == "before":
        await _not_begun(impatient)

    await asyncio.sleep(0)
    held.free.set()
    outcome = await patient

    assert (row(outcome).state, row(outcome).replayed, desk.sent) == (CONFIRMED, True, 1)


@both
async def test_it_is_not_sent_once_the_last_of_several_has_given_up(
    writes: Writes, other: FileLedger, run: Any
) -> None:
    desk, held = Desk(), Held()
    callers = [
        asyncio.ensure_future(_within(left_s, run(writes, desk, held=held)))
        for left_s in (SOON_S, 2 * SOON_S)
    ]

    for each in callers:
        await _not_begun(each)
    held.free.set()
    await writes.drain()

    assert (desk.sent, await _states(other)) == (0, [])


async def test_a_caller_that_goes_away_does_not_stop_what_another_waits_for(writes: Writes) -> None:
    desk, held = Desk(), Held()
    goes, stays = (asyncio.ensure_future(_single(writes, desk, held=held)) for _ in range(2))
    await soon(held.begun)

    goes.cancel()
    await asyncio.gather(goes, return_exceptions=True)
    held.free.set()

    assert row(await stays).state is CONFIRMED
    assert desk.sent == 1


async def test_one_that_has_gone_away_does_not_count_among_those_who_wait(
    writes: Writes, other: FileLedger
) -> None:
    desk, held = Desk(), Held()
    goes = asyncio.ensure_future(_single(writes, desk, held=held))
    await soon(held.begun)
    impatient = asyncio.ensure_future(_within(SOON_S, _single(writes, desk, held=held)))
    await asyncio.sleep(0)
    goes.cancel()
    await asyncio.gather(goes, return_exceptions=True)

    await _not_begun(impatient)
    held.free.set()
    await writes.drain()

    assert (desk.sent, await _states(other)) == (0, [])


async def test_a_caller_that_goes_away_alone_does_not_cut_the_preparing_write(writes: Writes) -> None:
    """A lost connection tells nobody that it wasn't sent: unlike a deadline, it has no answer to be true to."""
    desk, held = Desk(), Held()
    caller = asyncio.ensure_future(_single(writes, desk, held=held))
    await soon(held.begun)

    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    held.free.set()
    await writes.drain()

    outcome = await _single(writes, desk)
    assert (row(outcome).state, row(outcome).replayed, desk.sent) == (CONFIRMED, True, 1)


# -- once it has begun


@both
async def test_a_write_that_has_begun_is_told_as_it_stands_and_comes_to_its_end(
    writes: Writes, other: FileLedger, run: Any
) -> None:
    desk = Desk()
    desk.free.clear()

    told = await _within(TIME_TO_BEGIN_S, run(writes, desk))

    known = await other.by_key("ola", "k1")
    assert told == Outcome(known)
    assert (row(told).state, row(told).replayed, row(told).settled_at) == (PENDING, False, None)
    desk.free.set()
    await writes.drain()
    outcome = await run(writes, desk)
    assert (row(outcome).id, row(outcome).state, row(outcome).replayed) == (row(told).id, CONFIRMED, True)
    assert desk.sent == 1


@both
async def test_a_twin_in_this_process_is_told_the_same_as_a_replay(writes: Writes, run: Any) -> None:
    desk = Desk()
    desk.free.clear()
    first = asyncio.ensure_future(_within(None, run(writes, desk)))
    await soon(desk.begun)

    told = await _within(SOON_S, run(writes, desk))

    assert (row(told).state, row(told).replayed, told.value, told.refusals, told.error) == (
        PENDING,
        True,
        None,
        (),
        None,
    )
    desk.free.set()
    outcome = await first
    assert (row(outcome).id, row(outcome).state, row(outcome).replayed) == (row(told).id, CONFIRMED, False)
    assert desk.sent == 1


async def test_what_comes_of_it_afterwards_is_recorded_whatever_it_is(
    writes: Writes, other: FileLedger
) -> None:
    desk = Desk([SourceTimeout("desk")])
    desk.free.clear()
    first = asyncio.ensure_future(_single(writes, desk))
    await soon(desk.begun)
    told = await _within(SOON_S, _single(writes, desk))
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)

    desk.free.set()
    await writes.drain()

    known = await other.get(row(told).id)
    assert known is not None
    assert (known.state, known.problem, desk.sent) == (IN_DOUBT, TIMED_OUT, 1)


async def test_a_conflict_is_told_however_little_time_is_left(writes: Writes) -> None:
    desk = Desk()
    desk.free.clear()
    first = asyncio.ensure_future(_single(writes, desk))
    await soon(desk.begun)

    told = await _within(SOON_S, writes.run(intent(operation="other"), desk.send))

    assert (told.entry, [each.code.value for each in told.refusals]) == (None, ["IDEMPOTENCY_CONFLICT"])
    desk.free.set()
    await first


@both
async def test_a_ledger_that_is_just_taking_the_intent_down_is_waited_for(
    writes: Writes, ledger: FileLedger, run: Any
) -> None:
    """For by then nobody can say that it was not sent."""
    desk, taken, go_on = Desk(), asyncio.Event(), asyncio.Event()
    desk.free.clear()

    async def hold() -> None:
        taken.set()
        await go_on.wait()

    ledger.then["insert"] = [hold]
    first = asyncio.ensure_future(_within(None, run(writes, desk)))
    await soon(taken)
    late = asyncio.ensure_future(_within(SOON_S, run(writes, desk)))
    done, _ = await asyncio.wait({late}, timeout=3 * SOON_S)
    assert done == set()

    go_on.set()
    told = await late

    assert (row(told).state, row(told).replayed) == (PENDING, True)
    desk.free.set()
    assert row(await first).state is CONFIRMED


async def test_an_intent_that_cannot_be_recorded_is_told_so_though_the_time_is_up(
    writes: Writes, ledger: FileLedger
) -> None:
    desk, taken, go_on = Desk(), asyncio.Event(), asyncio.Event()

    async def lose_it() -> None:
        taken.set()
        await go_on.wait()
        ledger.unreachable = 1
        raise LedgerUnavailable("gone")

    ledger.then["insert"] = [lose_it]
    first = asyncio.ensure_future(_single(writes, desk))
    await soon(taken)
    late = asyncio.ensure_future(_within(SOON_S, _single(writes, desk)))
    await asyncio.wait({late}, timeout=2 * SOON_S)
    go_on.set()

    outcomes = await asyncio.gather(first, late, return_exceptions=True)

    assert [type(each) for each in outcomes] == [LedgerUnavailable] * 2
    assert desk.sent == 0


# -- in another process


async def _elsewhere(other: FileLedger) -> Entry:
    """A row that another process has put there and is sending."""
    assert await other.insert(entry()) is None
    return entry()


@pytest.mark.parametrize("prepared", [False, True])
async def test_a_write_that_another_process_sends_is_told_as_it_stands(
    writes: Writes, other: FileLedger, prepared: bool
) -> None:
    there, desk, held = await _elsewhere(other), Desk(), Held()

    told = await _within(TIME_TO_BEGIN_S, _single(writes, desk, held=held if prepared else None))

    assert (row(told).id, row(told).state, row(told).replayed, told.error) == (there.id, PENDING, True, None)
    await other.replace(there, entry(CONFIRMED, result=message(7)))
    await writes.drain()
    outcome = await _single(writes, desk)
    assert (row(outcome).state, row(outcome).result, row(outcome).replayed) == (CONFIRMED, message(7), True)
    assert (desk.sent, held.begun.is_set()) == (0, False)


async def test_what_the_other_process_did_not_get_sent_is_not_sent_behind_the_callers_back(
    writes: Writes, other: FileLedger
) -> None:
    there, desk = await _elsewhere(other), Desk()
    told = await _within(TIME_TO_BEGIN_S, _single(writes, desk))
    assert row(told).state is PENDING

    await other.replace(there, entry(REJECTED, problem=NOT_SENT))
    await writes.drain()

    assert (desk.sent, await _states(other)) == (0, [REJECTED])
    # Who still wants it asks again.
    outcome = await _single(writes, desk)
    assert (row(outcome).state, row(outcome).attempts, desk.sent) == (CONFIRMED, 2, 1)


async def test_what_has_to_be_prepared_anew_is_not_waited_for(writes: Writes, other: FileLedger) -> None:
    """The other process had not sent it; finding out what to know before a new attempt takes too long."""
    there, desk, held = await _elsewhere(other), Desk(), Held()
    await other.replace(there, entry(REJECTED, problem=NOT_SENT))

    await _not_begun(_within(TIME_TO_BEGIN_S, _single(writes, desk, held=held)))
    held.free.set()
    await writes.drain()

    assert (desk.sent, await _states(other)) == (0, [REJECTED])


async def test_it_is_sent_for_a_twin_that_still_waits_for_the_other_process(
    writes: Writes, other: FileLedger
) -> None:
    there, desk = await _elsewhere(other), Desk()
    patient = asyncio.ensure_future(_within(None, _single(writes, desk)))
    impatient = await _within(TIME_TO_BEGIN_S, _single(writes, desk))
    assert row(impatient).state is PENDING

    await other.replace(there, entry(REJECTED, problem=NOT_SENT))
    outcome = await patient

    assert (row(outcome).state, row(outcome).attempts, desk.sent) == (CONFIRMED, 2, 1)


async def test_a_new_attempt_is_told_as_what_it_is_and_not_as_the_one_before(
    writes: Writes, other: FileLedger
) -> None:
    there, desk = await _elsewhere(other), Desk()
    desk.free.clear()
    first = asyncio.ensure_future(_within(None, _single(writes, desk)))
    await _within(TIME_TO_BEGIN_S, _single(writes, desk))
    await other.replace(there, entry(REJECTED, problem=NOT_SENT))
    await soon(desk.begun)

    told = await _within(SOON_S, _single(writes, desk))

    assert (row(told).id, row(told).state, row(told).attempts) == (there.id, PENDING, 2)
    desk.free.set()
    assert row(await first).state is CONFIRMED


async def test_a_sender_that_has_died_leaves_its_write_in_doubt_in_time(
    writes: Writes, other: FileLedger, clock: Hands
) -> None:
    await _elsewhere(other)
    clock.pass_s(80)
    desk = Desk()

    told = await _within(TIME_TO_BEGIN_S, _single(writes, desk))

    assert (row(told).state, row(told).replayed, desk.sent) == (IN_DOUBT, True, 0)


async def test_a_forgotten_writes_outcome_is_told_as_far_as_the_time_goes(ledger: FileLedger) -> None:
    there = entry(leased_until=utc_now() + timedelta(hours=1))
    assert await ledger.insert(there) is None

    async with asyncio.timeout(10):
        with within(Deadline.after(SOON_S)):
            told = await Writes(ledger, clock=utc_now).recorded(intent())

    assert told is not None
    assert (row(told).id, row(told).state, row(told).replayed) == (there.id, PENDING, True)


async def test_a_source_that_fails_within_the_time_is_told_as_ever(writes: Writes) -> None:
    desk = Desk([SourceUnavailable("desk", sent=False)])

    told = await _within(60, _single(writes, desk))

    assert (row(told).state, row(told).problem, type(told.error)) == (REJECTED, NOT_SENT, SourceUnavailable)
