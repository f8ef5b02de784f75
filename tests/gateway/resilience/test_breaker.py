import asyncio

import pytest
from structlog.testing import capture_logs

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
from gateway.domain.health import CircuitState
from gateway.resilience.breaker import CircuitBreaker, CircuitStatus
from gateway.resilience.circuit import CircuitOptions, Rules
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
    outcome_of,
    said,
    status,
    steps,
)
from tests.gateway.resilience.virtual_time import now

anyio_backend = virtual_time.anyio_backend

_OPTIONS = CircuitOptions(window_s=30, min_calls=4, first_pause_s=8, max_pause_s=30, probes=2, slow_call_s=5)


def _layer(source: Source, *, events: list[Event] | None = None) -> CircuitBreaker:
    rules = Rules(_OPTIONS, uniform=lambda _, high: high)
    listener = (lambda _: None) if events is None else events.append
    return CircuitBreaker(source, rules, source="hub", now=now, listener=listener)


async def _opened(source: Source) -> CircuitBreaker:
    """A circuit that has just opened."""
    good, source.answers = source.answers, [status(503)]
    layer = _layer(source)
    for _ in range(4):
        await layer.send(READ)
    source.answers = good
    source.calls.clear()
    assert layer.status().state is CircuitState.OPEN
    return layer


async def _state_after(answer: Answer, *, call: Call = READ, count: int = 4) -> CircuitState:
    layer = _layer(Source(answer))
    for _ in range(count):
        await outcome_of(layer.send(call))
    return layer.status().state


_COUNTS: list[Answer] = [
    status(500),
    status(502),
    status(503),
    status(599),
    SourceUnavailable("hub"),
    SourceUnavailable("hub", sent=False),
    SourceTimeout("hub"),
    SourceTimeout("hub", sent=False),
    after(5),
    after(5, status(404)),
    after(5, SourceProtocolError("hub")),
]
_DOES_NOT: list[Answer] = [
    OK,
    status(304),
    status(400),
    status(401),
    status(403),
    status(404),
    status(422),
    status(429),
    after(4.9),
    SourceProtocolError("hub"),
    SourceAuthError("hub"),
    SourceThrottled("hub"),
    SourceOverloaded("hub"),
    after(6, SourceOverloaded("hub")),
    LookupError(),
]


@pytest.mark.parametrize("call", [READ, WRITE], ids=["reads", "writes"])
@pytest.mark.parametrize("answer", _COUNTS, ids=repr)
async def test_what_counts_against_a_source_opens_its_circuit(answer: Answer, call: Call) -> None:
    assert [await _state_after(answer, call=call, count=each) for each in (3, 4)] == ["closed", "open"]


@pytest.mark.parametrize("answer", _DOES_NOT, ids=repr)
async def test_what_does_not_count_leaves_it_closed(answer: Answer) -> None:
    assert await _state_after(answer, count=50) == "closed"


async def test_a_refused_call_was_not_sent_and_may_come_again() -> None:
    source = Source()
    layer = await _opened(source)
    await asyncio.sleep(3)

    read, write = await outcome_of(layer.send(READ)), await outcome_of(layer.send(WRITE))

    assert source.calls == []
    assert [said(each) for each in (read, write)] == [
        ("CircuitOpen", "hub", "read case: circuit open", False),
        ("CircuitOpen", "hub", "reply: circuit open", False),
    ]
    assert isinstance(read, CircuitOpen)
    assert (read.retry_after_s, read.code.value, read.retryable) == (5, "SOURCE_UNAVAILABLE", True)


async def test_answers_and_errors_pass_as_they_are() -> None:
    error = SourceTimeout("hub")
    layer = _layer(Source(OK, status(500), error))

    assert [await outcome_of(layer.send(READ)) for _ in range(3)] == [OK, status(500), error]


async def test_after_the_pause_a_few_probes_decide_while_others_are_refused() -> None:
    source = Source(after(1))
    layer = await _opened(source)
    await asyncio.sleep(8)

    probes = [asyncio.ensure_future(layer.send(READ)) for _ in range(2)]
    await steps(1)
    refused = await outcome_of(layer.send(WRITE))
    probing = layer.status()
    answered = await asyncio.gather(*probes)

    assert said(refused) == ("CircuitOpen", "hub", "reply: circuit half_open", False)
    assert probing == CircuitStatus(CircuitState.HALF_OPEN, 0.0, "503", None)
    assert (answered, layer.status()) == ([OK, OK], CircuitStatus(CircuitState.CLOSED, 0.0, "503", None))


async def test_a_bad_probe_opens_it_again() -> None:
    layer = await _opened(Source(SourceTimeout("hub")))
    await asyncio.sleep(8)

    await outcome_of(layer.send(READ))

    assert layer.status() == CircuitStatus(CircuitState.OPEN, 0.0, "SourceTimeout", 16.0)


@pytest.mark.parametrize("turns", range(4))
async def test_a_probe_that_its_caller_cut_leaves_room_for_another(turns: int) -> None:
    source = Source(after(1))
    layer = await _opened(source)
    await asyncio.sleep(8)

    for _ in range(5):
        probe = asyncio.ensure_future(layer.send(READ))
        await steps(turns)
        probe.cancel()
        assert isinstance(await outcome_of(probe), asyncio.CancelledError)

    assert await asyncio.gather(*(layer.send(READ) for _ in range(2))) == [OK, OK]
    assert layer.status().state is CircuitState.CLOSED


@pytest.mark.parametrize(("cut_after_s", "state"), [(4.9, "closed"), (5.0, "open")])
async def test_what_a_caller_cuts_counts_only_if_it_was_slow_by_then(cut_after_s: float, state: str) -> None:
    layer = _layer(Source(after(60)))

    for _ in range(4):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(cut_after_s):
                await layer.send(READ)

    assert layer.status().state == state


async def test_what_was_let_through_before_it_opened_no_longer_counts() -> None:
    source = Source(after(9, status(503)), after(20))
    layer = _layer(source)
    late_failure = asyncio.ensure_future(layer.send(READ))
    late_success = asyncio.ensure_future(layer.send(READ))
    await steps(1)
    source.answers = [status(503)]
    for _ in range(4):
        await layer.send(READ)
    await asyncio.sleep(8)
    source.answers = [after(5)]
    probe = asyncio.ensure_future(layer.send(READ))
    await steps(1)

    # It ends while a probe is under way; then another one does when the probe has opened the circuit anew.
    await late_failure
    between = layer.status().state
    await probe
    opened_again = layer.status()
    await late_success

    assert (between, opened_again.state) == (CircuitState.HALF_OPEN, CircuitState.OPEN)
    assert layer.status().state is CircuitState.OPEN
    assert layer.status().for_s == 7


async def test_its_state_can_be_told() -> None:
    layer = _layer(Source(status(503)))
    await asyncio.sleep(2)
    quiet = layer.status()
    for _ in range(4):
        await layer.send(READ)
    await asyncio.sleep(3)

    assert quiet == CircuitStatus(CircuitState.CLOSED, 2.0, None, None)
    assert layer.status() == CircuitStatus(CircuitState.OPEN, 3.0, "503", 5.0)
    await asyncio.sleep(60)
    assert layer.status() == CircuitStatus(CircuitState.OPEN, 63.0, "503", 0.0), "nobody has asked since"


async def test_opening_and_closing_are_logged() -> None:
    with capture_logs() as logs:
        layer = await _opened(Source())
        await asyncio.sleep(8)
        await layer.send(READ)
        await layer.send(READ)

    assert logs == [
        {
            "event": "circuit_opened",
            "log_level": "warning",
            "source": "hub",
            "last_error": "503",
            "pause_s": 8.0,
            "openings": 1,
        },
        {"event": "circuit_closed", "log_level": "info", "source": "hub"},
    ]


async def test_refusals_are_counted() -> None:
    events: list[Event] = []
    layer = _layer(Source(status(503)), events=events)

    for _ in range(6):
        await outcome_of(layer.send(READ))

    assert events == [Event.CIRCUIT_REFUSED] * 2


async def test_a_fault_of_ours_is_not_the_sources() -> None:
    fault: SourceError | Exception = ZeroDivisionError()
    layer = _layer(Source(fault))

    assert [await outcome_of(layer.send(READ)) for _ in range(9)] == [fault] * 9


async def test_closing_closes_what_is_inside() -> None:
    source = Source()

    await _layer(source).close()

    assert source.closed == 1
