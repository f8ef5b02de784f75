import asyncio
import traceback
from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import replace

import pytest

from gateway.domain.deadline import Deadline, current_deadline, within
from gateway.domain.errors import CircuitOpen, SourceError, SourceFault, SourceThrottled, SourceTimeout
from gateway.resilience.single_flight import SingleFlight
from gateway.resilience.stats import Event
from gateway.transport import Call, Reply
from tests.gateway.resilience import virtual_time
from tests.gateway.resilience.transports import (
    OK,
    READ,
    WRITE,
    Source,
    after,
    others,
    outcome_of,
    owned,
    said,
    steps,
)
from tests.gateway.resilience.virtual_time import now

anyio_backend = virtual_time.anyio_backend

_FRESH = replace(READ, headers={"cache-control": "no-cache"})


def _layer(source: Source) -> SingleFlight:
    return SingleFlight(source, source="hub")


def _start(layer: SingleFlight, *calls: Call) -> list["asyncio.Task[Reply]"]:
    return [asyncio.ensure_future(layer.send(call)) for call in calls]


async def test_who_wants_the_same_at_the_same_time_shares_one_read() -> None:
    source = Source(after(3))
    events: list[Event] = []
    layer = SingleFlight(source, source="hub", listener=events.append)
    first = _start(layer, READ, READ)
    await asyncio.sleep(1)

    outcomes = await asyncio.gather(*first, *_start(layer, READ))

    assert outcomes == [OK, OK, OK]
    assert (source.calls, events) == ([READ], [Event.JOINED, Event.JOINED])


async def test_who_comes_later_gets_a_read_of_its_own() -> None:
    source = Source(after(1))
    layer = _layer(source)

    for _ in range(3):
        await layer.send(READ)

    assert len(source.calls) == 3


async def test_nobody_shares_with_other_credentials_or_another_request() -> None:
    async def echo(call: Call) -> Reply:
        await asyncio.sleep(1)
        assert call.credential is not None
        return Reply(200, {}, f"{call.credential.id} {call.path} {call.query} {dict(call.headers)}".encode())

    source = Source(echo)
    ann = owned(READ, "ann")
    calls = [
        ann,
        owned(READ, "bob"),
        replace(ann, path="case/2"),
        replace(ann, query=(("a", "1"),)),
        replace(ann, headers={"accept-language": "pl"}),
        replace(ann, body=b"1"),
    ]

    outcomes = await asyncio.gather(*_start(_layer(source), *calls))

    assert [each.body for each in outcomes] == [(await echo(call)).body for call in calls]
    assert source.calls == calls


async def test_writes_and_streamed_bodies_are_never_shared() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"{}"

    source = Source(after(1))
    streamed = replace(READ, body=chunks())

    await asyncio.gather(*_start(_layer(source), WRITE, WRITE, streamed, streamed))

    assert source.calls == [WRITE, WRITE, streamed, streamed]


async def test_who_asks_for_a_fresh_answer_neither_joins_nor_is_joined() -> None:
    source = Source(after(1))

    await asyncio.gather(*_start(_layer(source), READ, _FRESH, _FRESH, READ))

    assert source.calls == [_FRESH, _FRESH, READ]


# -- whose flight it is


async def test_it_goes_on_when_the_first_caller_is_cancelled() -> None:
    source = Source(after(3))
    layer = _layer(source)
    first, second = _start(layer, READ, READ)
    await asyncio.sleep(1)

    first.cancel()

    assert isinstance(await outcome_of(first), asyncio.CancelledError)
    assert (await second, len(source.calls), source.cancelled) == (OK, 1, 0)


async def test_it_has_nothing_of_its_first_callers_context() -> None:
    tenant: ContextVar[str] = ContextVar("tenant", default="nobody")
    seen: list[tuple[str, Deadline | None]] = []

    async def look(_: Call) -> Reply:
        seen.append((tenant.get(), current_deadline()))
        return OK

    tenant.set("ann")
    with within(Deadline.after(5, now=now)):
        await _layer(Source(look)).send(READ)

    assert seen == [("nobody", None)]


async def test_when_all_callers_have_gone_it_ends_by_itself_and_leaves_nothing() -> None:
    source = Source(after(3, SourceTimeout("hub")))
    layer = _layer(source)
    callers = _start(layer, READ, READ)
    await asyncio.sleep(1)

    for each in callers:
        each.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    under_way = layer.under_way
    await asyncio.sleep(3)

    assert (under_way, layer.under_way, others(), source.cancelled) == (1, 0, set(), 0)


async def test_one_who_comes_while_nobody_waits_joins() -> None:
    source = Source(after(3))
    layer = _layer(source)
    (first,) = _start(layer, READ)
    await asyncio.sleep(1)
    first.cancel()
    await asyncio.sleep(1)

    assert await layer.send(READ) is OK
    assert len(source.calls) == 1


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("victim", range(3))
async def test_whoever_is_cancelled_at_whatever_point_the_others_are_served(victim: int, turns: int) -> None:
    async def in_two_turns(_: Call) -> Reply:
        await steps(2)
        return OK

    source = Source(in_two_turns)
    layer = _layer(source)
    callers = _start(layer, READ, READ, READ)
    await steps(turns)

    callers[victim].cancel()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    await steps(9)

    assert [each for at, each in enumerate(outcomes) if at != victim] == [OK, OK]
    assert (len(source.calls), layer.under_way, others()) == (1, 0, set())


# -- errors


async def test_an_error_is_shared_but_not_its_object() -> None:
    error = SourceThrottled("hub", detail="read case: 429", retry_after_s=7)
    layer = _layer(Source(after(1, error)))

    outcomes = await asyncio.gather(*_start(layer, READ, READ, READ), return_exceptions=True)

    assert [said(each) for each in outcomes] == [("SourceThrottled", "hub", "read case: 429", True)] * 3
    assert [(str(each), getattr(each, "retry_after_s", None)) for each in outcomes] == [(str(error), 7)] * 3
    assert len({id(each) for each in (*outcomes, error)}) == 4
    first, second, _ = outcomes
    assert isinstance(first, SourceError)
    first.sent = False
    assert isinstance(second, SourceError)
    assert second.sent, "what one writes on its error is not seen by the others"


async def test_an_errors_traceback_does_not_grow_with_those_who_share_it() -> None:
    layer = _layer(Source(after(1, CircuitOpen("hub"))))

    outcomes = await asyncio.gather(*_start(layer, *[READ] * 50), return_exceptions=True)

    lengths = {
        len(traceback.extract_tb(each.__traceback__)) for each in outcomes if isinstance(each, Exception)
    }
    assert len(lengths) == 1
    names = [frame.name for frame in traceback.extract_tb(outcomes[-1].__traceback__)]  # type: ignore[union-attr]
    assert names[-1] == "late", "it still leads to where it began"


async def test_an_error_keeps_its_cause() -> None:
    async def fail(_: Call) -> Reply:
        raise SourceTimeout("hub") from OSError("reset")

    outcome = await outcome_of(_layer(Source(fail)).send(READ))

    assert isinstance(outcome, SourceTimeout)
    assert repr(outcome.__cause__) == "OSError('reset')"


async def test_a_fault_of_ours_reaches_all_as_one() -> None:
    fault = ZeroDivisionError("division by zero")
    layer = _layer(Source(after(1, fault)))

    outcomes = await asyncio.gather(*_start(layer, READ, READ), return_exceptions=True)

    assert [said(each) for each in outcomes] == [("SourceFault", "hub", "ZeroDivisionError", True)] * 2
    assert [isinstance(each, SourceFault) and each.__cause__ is fault for each in outcomes] == [True] * 2


# -- writes


async def test_a_read_that_began_before_a_write_ended_is_not_joined_afterwards() -> None:
    versions = [1]

    async def read(_: Call) -> Reply:
        version = versions[0]
        await asyncio.sleep(10)
        return Reply(200, {}, str(version).encode())

    async def write(_: Call) -> Reply:
        await asyncio.sleep(1)
        versions[0] += 1
        await asyncio.sleep(1)
        return OK

    layer = _layer(Source(read, write, read, read))
    (before,) = _start(layer, READ)
    await steps(2)
    writing = asyncio.ensure_future(layer.send(WRITE))
    await steps(1)
    # Begun while the write is under way, so of what it may or may not see.
    (during,) = _start(layer, READ)
    await writing

    afterwards = await asyncio.gather(*_start(layer, READ, READ))

    assert [(await each).body for each in (before, during)] == [b"1", b"1"]
    assert [each.body for each in afterwards] == [b"2", b"2"]
    assert (layer.under_way, others()) == (0, set())


async def test_an_older_flight_that_ends_leaves_the_newer_one_alone() -> None:
    source = Source(after(5), OK, after(9))
    layer = _layer(source)
    (older,) = _start(layer, READ)
    await steps(2)
    await layer.send(WRITE)
    (newer,) = _start(layer, READ)
    await older

    joined = await layer.send(READ)

    assert (joined, await newer, len(source.calls)) == (OK, OK, 3)


async def test_a_newer_flight_that_ends_first_leaves_the_older_one_alone() -> None:
    source = Source(after(5), OK)
    layer = _layer(source)
    (older,) = _start(layer, READ)
    await steps(2)
    await layer.send(WRITE)

    assert [await layer.send(READ), await older] == [OK, OK]
    assert layer.under_way == 0


# -- closing


@pytest.mark.parametrize("turns", range(1, 5))
async def test_closing_ends_the_flights_whenever_it_comes(turns: int) -> None:
    source = Source(after(3))
    layer = _layer(source)
    callers = _start(layer, READ, READ)
    await steps(turns)

    await layer.close()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)

    assert [said(each) for each in outcomes] == [
        ("SourceUnavailable", "hub", "the gateway is stopping", True)
    ] * 2
    assert (layer.under_way, others(), source.running, source.closed) == (0, set(), 0, 1)


@pytest.mark.parametrize("turns", range(6))
async def test_a_caller_who_is_cancelled_as_well_is_cancelled(turns: int) -> None:
    layer = _layer(Source(after(3)))
    (caller,) = _start(layer, READ)
    await steps(3)
    closing = asyncio.ensure_future(layer.close())
    await steps(turns)

    was_in_time = caller.cancel()
    await closing

    # Also if the flight had ended already, and its caller only hadn't seen it yet.
    assert isinstance(await outcome_of(caller), asyncio.CancelledError) is was_in_time


async def test_closing_comes_after_the_flights_have_ended() -> None:
    order: list[str] = []

    class _Slow(Source):
        async def close(self) -> None:
            order.append("closed")

    async def unwind(_: Call) -> Reply:
        try:
            await asyncio.sleep(9)
        finally:
            await asyncio.sleep(1)
            order.append("ended")
        return OK

    layer = _layer(_Slow(unwind))
    (caller,) = _start(layer, READ)
    await steps(3)
    await layer.close()
    await outcome_of(caller)

    assert order == ["ended", "closed"]
