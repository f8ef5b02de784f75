"""A source's health, out of the production stack's layers."""

import asyncio
from datetime import UTC, datetime

import pytest

from gateway.domain.errors import SourceProtocolError, SourceTimeout, SourceUnavailable
from gateway.domain.health import CircuitState, HealthState, SourceHealth
from gateway.resilience.cache import CacheOptions
from gateway.resilience.circuit import CircuitOptions
from gateway.resilience.health import health_of
from gateway.resilience.retry import RetryOptions
from gateway.resilience.stack import Stack
from gateway.transport import Call
from tests.gateway.resilience import virtual_time
from tests.gateway.resilience.chain import chain
from tests.gateway.resilience.transports import OK, Answer, Source, after, outcome_of, status
from tests.gateway.resilience.virtual_time import now

anyio_backend = virtual_time.anyio_backend

CLOCK = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
HEALTHY, DEGRADED, DOWN, UNKNOWN = (
    HealthState.HEALTHY,
    HealthState.DEGRADED,
    HealthState.DOWN,
    HealthState.UNKNOWN,
)
CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


def _layers(source: Source, *, min_calls: int = 1000) -> Stack:
    return chain(
        source,
        retry=RetryOptions(max_retries=0),
        cache=CacheOptions(ttl_s=lambda _: 0),
        circuit=CircuitOptions(min_calls=min_calls, first_pause_s=1, max_pause_s=1, probes=2),
    )


async def _ask(layers: Stack, times: int) -> None:
    for each in range(times):
        await outcome_of(layers.transport.send(Call("read case", "GET", str(each), safe=True)))


async def test_before_any_call_nothing_is_known() -> None:
    assert health_of(_layers(Source()), now=now) == SourceHealth(UNKNOWN, CLOSED)


async def test_a_source_that_answers_is_healthy() -> None:
    layers = _layers(Source(after(0.1), after(0.1), after(1)))

    await _ask(layers, 3)

    health = health_of(layers, now=now)
    assert health == SourceHealth(
        HEALTHY, CLOSED, health.p50_ms, health.p95_ms, error_rate=0.0, checked_at=CLOCK
    )
    assert health.p50_ms == pytest.approx(100, rel=0.1)
    assert health.p95_ms == pytest.approx(1000, rel=0.1)


@pytest.mark.parametrize(("failed", "state"), [(1, HEALTHY), (2, DEGRADED), (20, DEGRADED)])
async def test_a_source_that_fails_one_time_in_ten_is_degraded(failed: int, state: HealthState) -> None:
    # One in twenty is less than one in ten, two in twenty is not.
    layers = _layers(Source(*[status(503)] * failed, *[OK] * (20 - failed)))

    await _ask(layers, 20)

    health = health_of(layers, now=now)
    assert (health.state, health.circuit, health.error_rate) == (state, CLOSED, failed / 20)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (status(503, b"at 10.0.0.7: geheim"), "503"),
        (status(429), "429"),
        (SourceUnavailable("hub", detail="http://10.0.0.7/?token=geheim"), "SourceUnavailable"),
        (SourceTimeout("hub", detail="geheim"), "SourceTimeout"),
        (SourceProtocolError("hub", detail="geheim", json_path="$.geheim"), "SourceProtocolError"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
async def test_the_last_error_is_a_word_and_no_text_of_the_source(answer: Answer, word: str) -> None:
    layers = _layers(Source(answer))

    await _ask(layers, 1)

    health = health_of(layers, now=now)
    assert (health.last_error, health.last_error_at, health.error_rate) == (word, CLOCK, 1.0)
    assert "geheim" not in repr(health)


async def test_answers_that_say_no_are_answers() -> None:
    layers = _layers(Source(status(404), status(401), status(422)))

    await _ask(layers, 3)

    assert (health_of(layers, now=now).state, health_of(layers, now=now).error_rate) == (HEALTHY, 0.0)


async def test_from_well_to_down_and_back() -> None:
    source = Source()
    layers = _layers(source, min_calls=10)
    seen: list[tuple[HealthState, CircuitState]] = []

    def look() -> None:
        health = health_of(layers, now=now)
        seen.append((health.state, health.circuit))

    look()
    await _ask(layers, 5)
    look()
    source.answers = [status(503)]
    await _ask(layers, 4)
    look()
    await _ask(layers, 1)
    look()
    await asyncio.sleep(1)
    source.answers = [OK]
    await _ask(layers, 1)
    look()
    await _ask(layers, 1)
    look()
    # What has failed weighs on for about a minute, or until enough has gone well.
    await _ask(layers, 60)
    look()
    # A minute later nothing is known any more but the last error.
    await asyncio.sleep(70)
    look()

    assert seen == [
        (UNKNOWN, CLOSED),
        (HEALTHY, CLOSED),
        (DEGRADED, CLOSED),
        (DOWN, OPEN),
        (DEGRADED, HALF_OPEN),
        (DEGRADED, CLOSED),
        (HEALTHY, CLOSED),
        (UNKNOWN, CLOSED),
    ]
    assert health_of(layers, now=now) == SourceHealth(
        UNKNOWN, CLOSED, last_error="503", last_error_at=CLOCK, checked_at=CLOCK
    )


async def test_a_source_that_is_tried_out_is_not_yet_well_though_all_failures_are_long_ago() -> None:
    source = Source(status(503))
    layers = _layers(source, min_calls=1)
    await _ask(layers, 1)
    await asyncio.sleep(100)
    source.answers = [OK]

    await _ask(layers, 1)

    health = health_of(layers, now=now)
    assert (health.state, health.circuit, health.error_rate) == (DEGRADED, HALF_OPEN, 0.0)


async def test_looking_costs_no_call_and_changes_nothing() -> None:
    source = Source(status(503))
    layers = _layers(source, min_calls=1)
    await _ask(layers, 1)
    await asyncio.sleep(5)

    looks = {health_of(layers, now=now) for _ in range(3)}

    # Whether it is well again the next call will tell.
    assert [each.state for each in looks] == [DOWN]
    assert len(source.calls) == 1
