import asyncio
from datetime import UTC, datetime

import pytest

from gateway.domain.deadline import Deadline, within
from gateway.domain.errors import SourceThrottled, SourceUnavailable
from gateway.resilience.limit import ConcurrencyLimit, QueueOptions
from gateway.resilience.pace import Pace, PaceOptions
from gateway.resilience.stats import Event
from gateway.transport import Call, Reply
from tests.gateway.resilience import virtual_time
from tests.gateway.resilience.transports import (
    OK,
    READ,
    WRITE,
    Source,
    after,
    outcome_of,
    said,
    status,
    steps,
)
from tests.gateway.resilience.virtual_time import now

anyio_backend = virtual_time.anyio_backend

_CLOCK = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class _Limited:
    """A layer of few places over a source, and what comes of the calls through it."""

    def __init__(self, source: Source, *, running: int = 2, waiting: int = 3, wait_s: float = 10.0) -> None:
        self.source = source
        self.events: list[Event] = []
        # How far the loop's timers are behind the clock.
        self.behind_s = 0.0
        self.pace = Pace(PaceOptions(max_running=running, default_pause_s=1.0), uniform=lambda _, high: high)
        self.layer = ConcurrencyLimit(
            source,
            QueueOptions(max_waiting=waiting, max_wait_s=wait_s),
            source="hub",
            pace=self.pace,
            now=lambda: now() + self.behind_s,
            clock=lambda: _CLOCK,
            listener=self.events.append,
        )

    def start(self, count: int, call: Call = READ) -> list["asyncio.Task[Reply]"]:
        return [asyncio.ensure_future(self.layer.send(call)) for _ in range(count)]

    @property
    def counts(self) -> tuple[int, int]:
        return self.layer.running, self.layer.waiting


async def test_calls_run_at_once_up_to_the_limit_and_the_rest_wait() -> None:
    limited = _Limited(Source(after(4)))
    began = now()

    outcomes = await asyncio.gather(*limited.start(5))

    assert outcomes == [OK] * 5
    assert (limited.source.most, now() - began, limited.counts) == (2, 12, (0, 0))


async def test_a_reply_or_error_passes_as_it_is() -> None:
    error = SourceUnavailable("hub")
    limited = _Limited(Source(OK, error))

    assert [await outcome_of(each) for each in limited.start(2)] == [OK, error]


async def test_who_came_first_goes_first() -> None:
    order: list[str] = []

    async def note(call: Call) -> Reply:
        order.append(call.path)
        await asyncio.sleep(1)
        return OK

    limited = _Limited(Source(note), running=1, waiting=9)
    calls = [Call("read", "GET", str(each), safe=True) for each in range(5)]
    sending = [asyncio.ensure_future(limited.layer.send(each)) for each in calls]
    # One who comes in the very moment that a place gets free doesn't overtake those who wait.
    sending[0].add_done_callback(
        lambda _: sending.append(asyncio.ensure_future(limited.layer.send(Call("read", "GET", "late", True))))
    )
    await asyncio.gather(*sending)
    await sending[-1]

    assert order == ["0", "1", "2", "3", "4", "late"]


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
async def test_when_the_queue_is_full_a_call_is_refused_unsent_at_once(call: Call) -> None:
    limited = _Limited(Source(after(4)))
    sending = limited.start(5)
    await steps(1)
    began = now()

    refused = await outcome_of(limited.layer.send(call))

    assert said(refused) == ("SourceOverloaded", "hub", f"{call.operation}: 3 waiting", False)
    assert (now() - began, limited.events) == (0, [Event.OVERLOADED])
    assert await asyncio.gather(*sending) == [OK] * 5


async def test_a_turn_that_does_not_come_in_time_is_no_longer_waited_for() -> None:
    limited = _Limited(Source(after(15)), running=1)
    began = now()
    first, second = limited.start(2)

    refused = await outcome_of(second)

    assert said(refused) == ("SourceOverloaded", "hub", "read case: 0 waiting", False)
    assert (now() - began, limited.counts) == (10, (1, 0))
    assert (await first, len(limited.source.calls), limited.counts) == (OK, 1, (0, 0))


async def test_a_turn_is_waited_for_no_longer_than_the_deadline_leaves() -> None:
    limited = _Limited(Source(after(15)), running=1)
    limited.start(1)
    await steps(1)
    began = now()

    with within(Deadline.after(4, now=now)):
        refused = await outcome_of(limited.layer.send(WRITE))

    assert (said(refused)[0], now() - began) == ("SourceOverloaded", 4)


async def test_what_a_call_does_after_its_turn_came_is_not_its_wait() -> None:
    limited = _Limited(Source(after(9)), running=1)

    assert await asyncio.gather(*limited.start(2)) == [OK, OK]


# -- cancellation


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("victim", range(4))
async def test_whoever_is_cancelled_at_whatever_point_no_place_is_lost(victim: int, turns: int) -> None:
    async def in_two_turns(_: Call) -> Reply:
        await steps(2)
        return OK

    limited = _Limited(Source(in_two_turns), running=1, waiting=9)
    sending = limited.start(4)
    await steps(turns)

    sending[victim].cancel()
    outcomes = await asyncio.gather(*sending, return_exceptions=True)

    assert limited.counts == (0, 0)
    assert [each for at, each in enumerate(outcomes) if at != victim] == [OK] * 3
    assert await asyncio.gather(*limited.start(3)) == [OK] * 3
    assert limited.source.most == 1


async def test_a_place_handed_to_one_who_is_cancelled_in_that_moment_goes_on_to_the_next() -> None:
    gate = asyncio.Event()

    async def wait(_: Call) -> Reply:
        await gate.wait()
        return OK

    limited = _Limited(Source(wait), running=1)
    first, second, third = limited.start(3)
    await steps(1)
    gate.set()
    # Until the first has handed its place to the second, who hasn't seen it yet.
    while limited.layer.waiting == 2:
        await steps(1)
    second.cancel()

    assert [await outcome_of(each) for each in (first, third)] == [OK, OK]
    assert second.cancelled()
    assert limited.counts == (0, 0)


async def test_one_refused_in_the_moment_of_its_cancellation_leaves_no_trace() -> None:
    limited = _Limited(Source(after(15)), running=1, wait_s=1)
    _, second = limited.start(2)
    loop = asyncio.get_running_loop()
    await steps(1)
    loop.call_at(loop.time() + 1, second.cancel)

    assert isinstance(await outcome_of(second), asyncio.CancelledError)
    assert limited.counts == (1, 0)


# -- 429


async def test_after_a_429_nothing_is_sent_until_the_source_is_ready() -> None:
    limited = _Limited(Source(status(429, retry_after="6"), OK))
    throttled = await limited.layer.send(READ)
    began = now()

    answered = await asyncio.gather(*limited.start(3))

    assert (throttled, answered, now() - began) == (status(429, retry_after="6"), [OK] * 3, 6)
    assert (limited.source.most, limited.counts) == (1, (0, 0))


async def test_a_429_may_name_a_date() -> None:
    limited = _Limited(Source(status(429, retry_after="Sun, 01 Mar 2026 12:00:09 GMT"), OK))
    await limited.layer.send(READ)
    began = now()

    assert (await limited.layer.send(READ), now() - began) == (OK, 9)


async def test_a_429_may_say_nothing() -> None:
    limited = _Limited(Source(status(429), OK))
    await limited.layer.send(READ)
    began = now()

    assert (await limited.layer.send(READ), now() - began) == (OK, 2)


async def test_a_429_that_was_met_below_counts_as_one() -> None:
    limited = _Limited(Source(SourceThrottled("hub", retry_after_s=6), OK))
    await outcome_of(limited.layer.send(READ))
    began = now()

    assert (await limited.layer.send(READ), now() - began) == (OK, 6)


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
async def test_who_would_have_to_wait_too_long_is_refused_unsent_at_once(call: Call) -> None:
    limited = _Limited(Source(status(429, retry_after="25"), OK))
    await limited.layer.send(READ)
    await asyncio.sleep(5)
    began = now()

    refused = await outcome_of(limited.layer.send(call))

    assert said(refused) == ("SourceThrottled", "hub", f"{call.operation}: not sent", False)
    assert isinstance(refused, SourceThrottled)
    assert (refused.retry_after_s, now() - began, limited.events) == (20, 0, [Event.THROTTLED])
    assert len(limited.source.calls) == 1


async def test_those_in_the_queue_are_refused_as_soon_as_they_would_wait_too_long() -> None:
    limited = _Limited(Source(after(3, status(429, retry_after="12"))), running=1)
    first, second = limited.start(2)
    await asyncio.sleep(1)
    third = limited.start(1)[0]
    began = now()

    outcomes = [await outcome_of(each) for each in (first, second, third)]

    assert [said(each)[0] for each in outcomes] == ["Reply", "SourceThrottled", "SourceThrottled"]
    assert (now() - began, limited.counts) == (2, (0, 0))


async def test_those_in_the_queue_who_can_wait_do() -> None:
    limited = _Limited(Source(after(3, status(429, retry_after="5")), OK), running=1)
    began = now()

    outcomes = await asyncio.gather(*limited.start(3))

    assert [each.status for each in outcomes] == [429, 200, 200]
    assert now() - began == 8


async def test_a_pause_that_grows_while_calls_wait_is_kept() -> None:
    limited = _Limited(
        Source(after(1, status(429, retry_after="3")), after(2, status(429, retry_after="5")), OK)
    )
    began = now()

    outcomes = await asyncio.gather(*limited.start(3))

    assert [each.status for each in outcomes] == [429, 429, 200]
    assert now() - began == 7


async def test_one_who_comes_before_the_loop_has_seen_the_pause_end_overtakes_nobody() -> None:
    order: list[str] = []

    async def note(call: Call) -> Reply:
        order.append(call.path)
        await asyncio.sleep(1)
        return OK

    limited = _Limited(Source(status(429, retry_after="6"), note))
    await limited.layer.send(READ)
    sending = [asyncio.ensure_future(limited.layer.send(Call("read", "GET", "first", safe=True)))]
    await steps(1)
    # The loop was busy: the pause is over by the clock, but its timer hasn't fired.
    limited.behind_s = 7
    sending.append(asyncio.ensure_future(limited.layer.send(Call("read", "GET", "second", safe=True))))

    await asyncio.gather(*sending)

    assert order == ["first", "second"]


async def test_who_waits_for_the_pause_and_is_cut_leaves_no_trace() -> None:
    limited = _Limited(Source(status(429, retry_after="6"), OK))
    await limited.layer.send(READ)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await limited.layer.send(READ)

    assert limited.counts == (0, 0)
    assert await asyncio.gather(*limited.start(2)) == [OK, OK]


async def test_a_429_makes_less_run_at_once_and_answers_slowly_make_it_more_again() -> None:
    limited = _Limited(Source(status(429, retry_after="0"), after(1)), running=8, waiting=500, wait_s=500)
    await limited.layer.send(READ)

    await asyncio.gather(*limited.start(4))
    at_first = limited.source.most
    await asyncio.gather(*limited.start(200))

    assert (at_first, limited.source.most) == (4, 8)


async def test_a_failing_source_is_not_asked_more_at_once() -> None:
    limited = _Limited(Source(status(429, retry_after="0"), status(503)), running=8)
    await limited.layer.send(READ)

    for _ in range(100):
        await limited.layer.send(READ)

    assert limited.pace.room == 4


async def test_closing_forgets_the_pause_and_closes_what_is_inside() -> None:
    limited = _Limited(Source(status(429, retry_after="6"), OK))
    await limited.layer.send(READ)
    waiting = limited.start(1)[0]
    await steps(1)

    await limited.layer.close()

    waiting.cancel()
    assert isinstance(await outcome_of(waiting), asyncio.CancelledError)
    assert limited.source.closed == 1
