"""Callers that go while their write is under way, and the end of the process."""

import asyncio

import pytest

from gateway.domain.deadline import Deadline, current_deadline, within
from gateway.domain.errors import SourceTimeout
from gateway.domain.ledger import EntryFilter, WriteState
from gateway.writes.service import Writes
from tests.gateway.writes.conftest import FileLedger, Ledgers
from tests.gateway.writes.desk import Desk, Hands, intent, message, row, soon

CONFIRMED, IN_DOUBT = WriteState.CONFIRMED, WriteState.IN_DOUBT


async def test_no_callers_deadline_is_a_writes_own(writes: Writes) -> None:
    seen: list[Deadline | None] = []

    async def look() -> None:
        seen.append(current_deadline())

    with within(Deadline.after(60)):
        outcome = await writes.run(intent(), Desk(during=look).send, prepare=look)

    assert row(outcome).state is CONFIRMED
    assert seen == [None, None]


@pytest.mark.parametrize("key", ["k1", None])
async def test_a_caller_that_goes_away_does_not_cut_the_write(
    writes: Writes, other: FileLedger, key: str | None
) -> None:
    desk = Desk()
    desk.free.clear()
    caller = asyncio.ensure_future(writes.run(intent(key=key), desk.send))
    await soon(desk.begun)

    caller.cancel()
    assert [type(each) for each in await asyncio.gather(caller, return_exceptions=True)] == [
        asyncio.CancelledError
    ]
    draining = asyncio.ensure_future(writes.drain())
    desk.free.set()
    await draining

    assert [(each.state, each.result) for each in await other.page(EntryFilter(), limit=9)] == [
        (CONFIRMED, message(1))
    ]
    assert desk.sent == 1, "it went through"


async def test_a_twin_that_goes_away_leaves_the_others_alone(writes: Writes) -> None:
    desk = Desk()
    desk.free.clear()
    first = asyncio.ensure_future(writes.run(intent(), desk.send))
    await soon(desk.begun)
    twin, stays = (asyncio.ensure_future(writes.run(intent(), desk.send)) for _ in range(2))
    await asyncio.sleep(0)

    twin.cancel()
    await asyncio.gather(twin, return_exceptions=True)
    desk.free.set()

    outcome = await first
    assert outcome.value == message(1)
    assert await stays == outcome.again()


async def test_a_failure_that_nobody_waits_for_any_more_disturbs_nobody(
    ledgers: Ledgers, clock: Hands
) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    writes, held = Writes(ledgers.open(), clock=clock), asyncio.Event()
    begun = asyncio.Event()

    async def prepare() -> str:
        begun.set()
        await held.wait()
        raise SourceTimeout("desk")

    callers = [
        asyncio.ensure_future(writes.run(intent(key=key), Desk().send, prepare=prepare))
        for key in ("k1", None)
    ]
    await soon(begun)
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    held.set()
    await writes.drain()
    del callers
    asyncio.get_running_loop().set_exception_handler(None)

    assert complaints == []


async def test_draining_waits_for_every_write_that_has_begun_however_it_ends(
    writes: Writes, other: FileLedger
) -> None:
    desk = Desk([message(7), SourceTimeout("desk"), LookupError()])
    desk.free.clear()
    runs = [asyncio.ensure_future(writes.run(intent(key=key), desk.send)) for key in ("a", "b", None)]
    await soon(desk.begun)
    draining = asyncio.ensure_future(writes.drain())
    await asyncio.sleep(0)
    assert not draining.done()

    desk.free.set()
    await draining

    assert sorted(each.state for each in await other.page(EntryFilter(), limit=9)) == [
        CONFIRMED,
        IN_DOUBT,
        IN_DOUBT,
    ]
    assert len(await asyncio.gather(*runs)) == 3
    await writes.drain()
