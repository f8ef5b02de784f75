"""What the layers promise together, in the stack's order."""

import asyncio
from dataclasses import replace

import pytest

from gateway.domain.deadline import Deadline, within
from gateway.domain.errors import SourceTimeout
from gateway.domain.health import CircuitState
from gateway.resilience.cache import CacheOptions
from gateway.resilience.circuit import CircuitOptions
from gateway.resilience.limit import QueueOptions
from gateway.resilience.pace import PaceOptions
from gateway.resilience.retry import RetryOptions
from gateway.resilience.stats import Event
from gateway.transport import Call, Reply
from tests.gateway.resilience import virtual_time
from tests.gateway.resilience.chain import chain
from tests.gateway.resilience.transports import (
    OK,
    READ,
    WRITE,
    Answer,
    Source,
    after,
    others,
    outcome_of,
    owned,
    said,
    status,
    steps,
)
from tests.gateway.resilience.virtual_time import now

anyio_backend = virtual_time.anyio_backend


def _read(path: object, credential: str = "") -> Call:
    return owned(Call("read case", "GET", str(path), safe=True), credential)


async def test_a_read_goes_out_once_and_is_known_for_a_moment() -> None:
    source = Source(after(1))
    layers = chain(source)

    first = await asyncio.gather(*(layers.transport.send(READ) for _ in range(2)))
    again = await layers.transport.send(READ)

    assert (first, again) == ([OK, OK], Reply(200, {}, b"ok", 1))
    assert (source.calls, layers.stats.calls) == ([READ], 1)
    assert {event: count for event, count in layers.stats.events.items() if count} == {
        Event.JOINED: 1,
        Event.HIT: 1,
    }


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
@pytest.mark.parametrize("answer", [OK, status(503), status(429), SourceTimeout("hub")], ids=repr)
@pytest.mark.parametrize("turns", range(14))
async def test_a_call_cancelled_at_whatever_point_leaves_nothing_behind(
    turns: int, answer: Answer, call: Call
) -> None:
    async def in_two_turns(_: Call) -> Reply:
        await steps(2)
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, Reply)
        return answer

    source = Source(in_two_turns)
    layers = chain(source, pace=PaceOptions(max_running=1, default_pause_s=0))
    with within(Deadline.after(60, now=now)):
        sending = [asyncio.ensure_future(layers.transport.send(call)) for _ in range(2)]
    await steps(turns)

    for each in sending:
        each.cancel()
    await asyncio.gather(*sending, return_exceptions=True)
    # Flights go on by themselves, retries that nobody waits for don't.
    await asyncio.sleep(10)

    assert (layers.limit.running, layers.limit.waiting, source.running) == (0, 0, 0)
    assert (layers.flights.under_way, others()) == (0, set())
    source.answers = [OK]
    assert await layers.transport.send(_read("another")) == OK


async def test_a_source_that_fails_is_not_stormed_and_recovers() -> None:
    source = Source(OK)
    layers = chain(source, circuit=CircuitOptions(min_calls=10, first_pause_s=1, max_pause_s=4))
    for each in range(200):
        await layers.transport.send(_read(each))
        await asyncio.sleep(0.01)
    source.answers, source.calls = [status(503)], []
    began = now()

    outcomes = [await outcome_of(layers.transport.send(_read(each))) for each in range(500)]

    retries, kinds = layers.stats.events[Event.RETRIED], [said(each)[0] for each in outcomes]
    known = [each for each in outcomes[:200] if isinstance(each, Reply) and each.age_s is not None]
    assert len(known) == 200, "what was known a moment ago"
    # The good calls of the window weigh against it: the circuit opens once half of all have failed.
    assert retries <= 0.1 * (200 + len(source.calls)) + 3
    assert len(source.calls) <= 230
    assert kinds[-100:].count("CircuitOpen") >= 97
    assert (layers.breaker.status().state, now() - began < 10) == (CircuitState.OPEN, True)

    source.answers = [OK]
    await asyncio.sleep(4)
    assert [await layers.transport.send(_read(f"new {each}")) for each in range(5)] == [OK] * 5
    assert layers.breaker.status().state is CircuitState.CLOSED


async def test_while_a_source_is_down_what_is_known_stands_in_at_once_though_agents_try_to_write() -> None:
    source = Source(OK)
    layers = chain(source, circuit=CircuitOptions(min_calls=3))
    await layers.transport.send(READ)
    source.answers = [status(503)]
    await asyncio.sleep(2)
    for each in range(3):
        await outcome_of(layers.transport.send(_read(f"other {each}")))
    sent = len(source.calls)

    write = await outcome_of(layers.transport.send(WRITE))
    read = await layers.transport.send(READ)

    assert (said(write)[0], said(write)[3]) == ("CircuitOpen", False)
    assert read.stale
    assert len(source.calls) == sent


async def test_a_429_slows_the_whole_source_down() -> None:
    source = Source(status(429, retry_after="20"), OK)
    layers = chain(source)
    began = now()

    first = await layers.transport.send(_read(1, "ann"))
    others_ = [
        await outcome_of(layers.transport.send(each)) for each in (_read(1, "bob"), _read(2, "ann"), WRITE)
    ]
    await asyncio.sleep(18)
    waits = await layers.transport.send(_read(3))

    assert (first.status, [said(each)[0] for each in others_]) == (429, ["SourceThrottled"] * 3)
    assert (waits, len(source.calls), now() - began) == (OK, 2, 20)


async def test_a_source_that_hangs_keeps_nobody_beyond_the_deadline() -> None:
    source = Source(after(1e6))
    layers = chain(source, pace=PaceOptions(max_running=3), queue=QueueOptions(max_waiting=5, max_wait_s=1.0))
    began = now()

    with within(Deadline.after(2, now=now)):
        reads = [layers.transport.send(_read(each)) for each in range(12)]
        outcomes = await asyncio.gather(*reads, return_exceptions=True)

    assert [said(each)[0] for each in outcomes] == ["DeadlineExceeded"] * 3 + ["SourceOverloaded"] * 9
    assert now() - began == 2
    # The flights still hold their places, until the time of an attempt is over.
    assert (layers.limit.running, source.cancelled) == (3, 0)
    await asyncio.sleep(3.1)
    assert (layers.limit.running, source.cancelled, others()) == (0, 3, set())
    assert len(source.calls) == 3, "nobody waited for another attempt"


async def test_a_write_under_a_short_deadline_is_brought_to_its_end() -> None:
    source = Source(after(3))
    layers = chain(source)

    with within(Deadline.after(1, now=now)):
        assert await layers.transport.send(WRITE) is OK

    assert (len(source.calls), source.cancelled) == (1, 0)


@pytest.mark.parametrize(
    "answer", [status(503), SourceTimeout("hub"), status(429, retry_after="0")], ids=repr
)
async def test_a_write_goes_out_once_whatever_comes_of_it(answer: Answer) -> None:
    source = Source(answer)

    await outcome_of(chain(source).transport.send(WRITE))
    await asyncio.sleep(100)

    assert source.calls == [WRITE]


async def test_hits_and_joined_reads_are_no_calls_of_the_source() -> None:
    source = Source(after(1))
    layers = chain(source, cache=CacheOptions(ttl_s=lambda _: 100))

    for _ in range(5):
        await asyncio.gather(*(layers.transport.send(READ) for _ in range(5)))

    recent = layers.stats.recent(now())
    assert (recent.calls, recent.error_rate) == (1, 0)
    assert recent.p50_ms == pytest.approx(1000, rel=0.1)


async def test_a_pause_that_no_caller_can_wait_out_is_told_at_once() -> None:
    layers = chain(Source(status(429), OK), retry=RetryOptions(max_retries=0))
    await layers.transport.send(_read(0))
    began = now()

    with within(Deadline.after(1.0, now=now)):
        outcome = await outcome_of(layers.transport.send(_read(1)))

    assert said(outcome)[0] == "SourceThrottled"
    assert now() - began == 0, "not when the time is up"


async def test_a_source_that_has_failed_is_spared_the_same_question_for_a_moment() -> None:
    source = Source(OK, status(503))
    layers = chain(source, retry=RetryOptions(max_retries=0), cache=CacheOptions(ttl_s=lambda _: 2))
    await layers.transport.send(_read(0))
    await asyncio.sleep(5)
    asked = []
    for pause_s in (0, 0.5, 0.4, 0.2):
        await asyncio.sleep(pause_s)
        reply = await layers.transport.send(_read(0))
        asked.append((reply.body, reply.stale, len(source.calls)))

    assert asked == [(b"ok", True, 2), (b"ok", True, 2), (b"ok", True, 2), (b"ok", True, 3)]
    anew = replace(_read(0), headers={"cache-control": "no-cache"})
    assert (await layers.transport.send(anew)).status == 503
    assert len(source.calls) == 4


async def test_closing_reaches_the_transport() -> None:
    source = Source()

    await chain(source).transport.close()

    assert source.closed == 1
