import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.errors import SourceTimeout
from gateway.observability.counts import Durations, SourceReading
from gateway.resilience.stats import Event, Meter, Recent, Stats
from tests.gateway.resilience import virtual_time
from tests.gateway.resilience.transports import OK, READ, Answer, Source, after, outcome_of, status
from tests.gateway.resilience.virtual_time import now

anyio_backend = virtual_time.anyio_backend

_START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def _stats() -> Stats:
    return Stats(window_s=60, clock=lambda: _START)


def test_of_nothing_there_is_nothing_to_tell() -> None:
    assert _stats().recent(100.0) == Recent(0, None, None, None, None, None, None)


def test_it_tells_of_the_last_minute() -> None:
    stats = _stats()
    for _ in range(90):
        stats.ended(0.020, None, 100.0)
    for _ in range(9):
        stats.ended(0.400, None, 100.0)
    stats.ended(3.0, "SourceTimeout", 100.0)

    recent = stats.recent(110.0)

    assert (recent.calls, recent.error_rate, recent.last_error, recent.last_error_at) == (
        100,
        0.01,
        "SourceTimeout",
        _START,
    )
    assert recent.p50_ms == pytest.approx(20, rel=0.1)
    assert recent.p95_ms == pytest.approx(400, rel=0.1)


def test_what_is_past_is_forgotten_but_for_the_last_error_and_the_sums() -> None:
    stats = _stats()
    stats.ended(0.020, "503", 100.0)

    assert stats.recent(161.0) == Recent(0, None, None, None, "503", _START, _START)
    assert (stats.calls, stats.errors) == (1, 1)


@pytest.mark.parametrize("milliseconds", [1.0, 1.5, 7.3, 64.0, 333.0, 5000.0, 60_000.0])
def test_times_are_told_within_a_tenth(milliseconds: float) -> None:
    stats = _stats()
    stats.ended(milliseconds / 1000, None, 100.0)

    assert stats.recent(100.0).p50_ms == pytest.approx(milliseconds, rel=0.1)


@pytest.mark.parametrize(("duration_s", "told_ms"), [(0.0, 1.09), (0.0004, 1.09), (1e9, 60_096.776)])
def test_what_is_beyond_its_range_is_told_as_its_end(duration_s: float, told_ms: float) -> None:
    stats = _stats()
    stats.ended(duration_s, None, 100.0)

    assert stats.recent(100.0).p95_ms == pytest.approx(told_ms, rel=0.01)


def test_events_are_counted() -> None:
    stats = _stats()
    for event in (Event.HIT, Event.HIT, Event.RETRIED):
        stats.happened(event)

    assert dict(stats.events) == {**dict.fromkeys(Event, 0), Event.HIT: 2, Event.RETRIED: 1}


def test_the_sums_since_the_start_are_for_the_metrics() -> None:
    stats = _stats()
    for duration_s, error in (
        (0.0, None),
        (0.003, "503"),
        (0.004, "503"),
        (40.0, "SourceTimeout"),
        (1e6, None),
    ):
        stats.ended(duration_s, error, 100.0)
    stats.happened(Event.STALE)

    reading = stats.reading(circuit="open", circuit_states=("open",), running=3, waiting=4)

    # Up to 2 ms, 4, 8, ... 32.768 s, and beyond.
    counts = [1, 1, 1, *[0] * 12, 2]
    bounds_s = tuple(2**doubling / 1000 for doubling in range(1, 16))
    assert reading == SourceReading(
        5,
        {"503": 2, "SourceTimeout": 1},
        {**{each.value: 0 for each in Event}, "stale": 1},
        Durations(bounds_s, counts, sum((0.0, 0.003, 0.004, 40.0, 1e6))),
        "open",
        ("open",),
        3,
        4,
    )


# -- the layer


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (after(3), None),
        (after(3, status(404)), None),
        (after(3, status(429)), "429"),
        (after(3, status(500)), "500"),
        (after(3, SourceTimeout("hub")), "SourceTimeout"),
    ],
)
async def test_each_attempt_is_timed_and_noted(answer: Answer, error: str | None) -> None:
    moments = iter(_START + timedelta(minutes=minute) for minute in range(9))
    stats = Stats(clock=lambda: next(moments))
    source = Source(answer)

    outcome = await outcome_of(Meter(source, stats, now=now).send(READ))

    recent = stats.recent(now())
    assert outcome is not None
    assert (recent.calls, recent.error_rate, recent.last_error) == (1, 0 if error is None else 1, error)
    assert recent.p50_ms == pytest.approx(3000, rel=0.1)
    assert recent.last_error_at == (None if error is None else _START)


async def test_outcomes_pass_as_they_are() -> None:
    error = SourceTimeout("hub")
    meter = Meter(Source(OK, error), _stats(), now=now)

    assert [await outcome_of(meter.send(READ)) for _ in range(2)] == [OK, error]


async def test_what_a_caller_cut_is_left_out() -> None:
    stats = _stats()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await Meter(Source(after(3)), stats, now=now).send(READ)

    assert stats.recent(now()).calls == 0


async def test_closing_closes_what_is_inside() -> None:
    source = Source()

    await Meter(source, _stats()).close()

    assert source.closed == 1
