import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.domain.deadline import Deadline, within
from gateway.domain.errors import (
    CircuitOpen,
    SourceAuthError,
    SourceError,
    SourceOverloaded,
    SourceProtocolError,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
)
from gateway.resilience.budget import BudgetOptions, RetryBudget
from gateway.resilience.retry import Retry, RetryOptions
from gateway.resilience.single_flight import SingleFlight
from gateway.resilience.stats import Event
from gateway.transport import Call
from tests.gateway.resilience import virtual_time
from tests.gateway.resilience.transports import (
    OK,
    READ,
    WRITE,
    Answer,
    Source,
    after,
    others,
    outcome_of,
    said,
    status,
    steps,
)
from tests.gateway.resilience.virtual_time import now

anyio_backend = virtual_time.anyio_backend

_CLOCK = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
_OPTIONS = RetryOptions(max_retries=2, first_backoff_s=1.0, max_backoff_s=3.0, max_pause_s=10.0)


def _layer(
    source: Source,
    options: RetryOptions = _OPTIONS,
    *,
    budget: BudgetOptions | None = None,
    drawn: float = 1.0,
    events: list[Event] | None = None,
) -> Retry:
    """`drawn` is where between its bounds each lot falls."""
    return Retry(
        source,
        options,
        budget=RetryBudget(budget or BudgetOptions(floor=100)),
        now=now,
        clock=lambda: _CLOCK,
        uniform=lambda low, high: low + drawn * (high - low),
        listener=(lambda _: None) if events is None else events.append,
    )


_MAY_PASS: list[Answer] = [
    status(429),
    status(500),
    status(502),
    status(503),
    status(504),
    SourceUnavailable("hub"),
    SourceUnavailable("hub", sent=False),
    SourceTimeout("hub"),
    SourceTimeout("hub", sent=False),
]
_STANDS: list[Answer] = [
    OK,
    status(304),
    status(400),
    status(401),
    status(403),
    status(404),
    status(409),
    status(422),
    CircuitOpen("hub"),
    SourceOverloaded("hub"),
    SourceThrottled("hub"),
    SourceAuthError("hub"),
    SourceProtocolError("hub"),
    SourceError("hub"),
    LookupError(),
]


@pytest.mark.parametrize("answer", _MAY_PASS, ids=repr)
async def test_a_read_is_tried_again_after_what_may_pass(answer: Answer) -> None:
    source = Source(answer, answer, OK)

    assert await outcome_of(_layer(source).send(READ)) is OK
    assert source.calls == [READ, READ, READ]


@pytest.mark.parametrize("answer", _MAY_PASS, ids=repr)
async def test_after_so_many_retries_the_last_outcome_stands(answer: Answer) -> None:
    source = Source(answer)

    assert await outcome_of(_layer(source).send(READ)) is answer
    assert len(source.calls) == 3


@pytest.mark.parametrize("answer", _STANDS, ids=repr)
async def test_anything_else_stands_at_once(answer: Answer) -> None:
    source = Source(answer, OK)
    began = now()

    assert await outcome_of(_layer(source).send(READ)) is answer
    assert (len(source.calls), now() - began) == (1, 0)


@pytest.mark.parametrize("answer", [*_MAY_PASS, *_STANDS], ids=repr)
async def test_a_write_is_never_tried_again(answer: Answer) -> None:
    source = Source(answer, OK)

    assert await outcome_of(_layer(source).send(WRITE)) is answer
    assert source.calls == [WRITE]


async def test_a_body_that_can_be_read_once_is_not_sent_again() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"{}"

    source = Source(status(503), OK)

    assert await _layer(source).send(replace(READ, body=chunks())) == status(503)


async def test_a_circuit_that_opens_between_attempts_ends_it() -> None:
    source = Source(status(503), CircuitOpen("hub", detail="read case: circuit open"))

    outcome = await outcome_of(_layer(source).send(READ))

    assert (said(outcome)[0], len(source.calls)) == ("CircuitOpen", 2)


# -- pauses


@pytest.mark.parametrize(
    ("drawn", "moments"),
    [(1.0, [0, 1, 3, 6, 9]), (0.5, [0, 0.5, 1.5, 3, 4.5]), (0.0, [0, 0, 0, 0, 0])],
)
async def test_pauses_double_up_to_a_limit_and_are_drawn_from_nothing_on(
    drawn: float, moments: list[float]
) -> None:
    began, seen = now(), []

    async def note(_: Call) -> object:
        seen.append(now() - began)
        raise SourceTimeout("hub")

    layer = _layer(Source(note), replace(_OPTIONS, max_retries=4), drawn=drawn)  # type: ignore[arg-type]
    await outcome_of(layer.send(READ))

    assert seen == moments


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize(
    ("header", "paused_s"), [("4", 5), ("Sun, 01 Mar 2026 12:00:08 GMT", 9), ("0", 1), ("soon", 1)]
)
async def test_a_source_that_says_when_is_not_asked_before(code: int, header: str, paused_s: float) -> None:
    source = Source(status(code, retry_after=header), OK)
    began = now()

    assert await _layer(source).send(READ) is OK
    assert now() - began == paused_s


async def test_where_a_source_wants_a_longer_pause_its_answer_stands() -> None:
    source = Source(status(429, retry_after="11"), OK)
    began = now()

    assert (await _layer(source).send(READ)).status == 429
    assert (len(source.calls), now() - began) == (1, 0)


async def test_a_caller_who_leaves_during_the_pause_ends_it() -> None:
    source = Source(status(503), OK)
    sending = asyncio.ensure_future(_layer(source).send(READ))
    await steps(2)

    sending.cancel()

    assert isinstance(await outcome_of(sending), asyncio.CancelledError)
    assert len(source.calls) == 1


# -- the deadline


@pytest.mark.parametrize(("left_s", "attempts"), [(0.9, 1), (1.0, 1), (1.1, 2), (3.0, 2), (3.1, 3)])
async def test_no_pause_begins_that_would_not_end_before_the_deadline(left_s: float, attempts: int) -> None:
    source = Source(status(503))

    with within(Deadline.after(left_s, now=now)):
        reply = await _layer(source).send(READ)

    assert (reply.status, len(source.calls)) == (503, attempts)


async def test_in_a_flight_the_deadline_of_the_last_who_waits_counts() -> None:
    source = Source(status(503), status(503), OK)
    layer = SingleFlight(_layer(source), source="hub")

    with within(Deadline.after(0.5, now=now)):
        first = asyncio.ensure_future(layer.send(READ))
    with within(Deadline.after(2, now=now)):
        second = asyncio.ensure_future(layer.send(READ))

    assert [each.status for each in await asyncio.gather(first, second)] == [503, 503]
    assert len(source.calls) == 2


async def test_a_flight_that_nobody_waits_for_is_not_tried_again() -> None:
    source = Source(after(5, status(503)), OK)
    layer = SingleFlight(_layer(source), source="hub")
    first = asyncio.ensure_future(layer.send(READ))
    await asyncio.sleep(1)

    first.cancel()
    await asyncio.sleep(10)

    assert (len(source.calls), source.cancelled, others()) == (1, 0, set())


# -- the budget


async def test_when_the_budget_is_spent_the_outcome_stands() -> None:
    source = Source(status(503))
    layer = _layer(source, budget=BudgetOptions(share=0.1, floor=3, window_s=10))

    for _ in range(50):
        await layer.send(READ)

    # With 50 calls within ten seconds, a tenth of them.
    assert len(source.calls) == 50 + 5


async def test_writes_are_traffic_that_retries_are_a_share_of() -> None:
    source = Source(OK)
    layer = _layer(source, budget=BudgetOptions(share=0.5, floor=0))
    for _ in range(2):
        await layer.send(WRITE)
    source.answers = [status(503), OK]

    assert await layer.send(READ) is OK


async def test_retries_are_counted() -> None:
    events: list[Event] = []

    await _layer(Source(status(503), OK), events=events).send(READ)

    assert events == [Event.RETRIED]


async def test_closing_closes_what_is_inside() -> None:
    source = Source()

    await _layer(source).close()

    assert source.closed == 1
