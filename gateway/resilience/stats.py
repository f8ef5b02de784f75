"""What a source's real traffic tells of it: for `Source.health` and the metrics."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from gateway.domain.clock import Clock, utc_now
from gateway.domain.deadline import Monotonic
from gateway.domain.errors import SourceError
from gateway.observability.counts import Durations, SourceReading
from gateway.resilience.window import Window
from gateway.transport import Call, Reply, Transport


class Event(StrEnum):
    """What a layer did instead of, or beside, passing a call on."""

    HIT = "hit"  # answered from the cache
    REVALIDATED = "revalidated"  # the source confirmed what the cache had
    STALE = "stale"  # answered from the cache since the source failed
    JOINED = "joined"  # shared a read that was under way
    RETRIED = "retried"
    CIRCUIT_REFUSED = "circuit_refused"
    OVERLOADED = "overloaded"
    THROTTLED = "throttled"  # held back since the source had asked for it


Listener = Callable[[Event], None]


def nobody(event: Event) -> None:
    """The listener where there is none."""


@dataclass(frozen=True, slots=True)
class Recent:
    """Attempts of the last minute or so, and the last one that failed.

    Attributes:
        error_rate: The share of them without an answer or with a 5xx or 429; None where there were none.
        p50_ms, p95_ms: Of those that ended, well or not; within 10 %.
        last_error: A class of ours, or a status.
        last_at: When the last of all attempts ended.
    """

    calls: int
    error_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    last_error: str | None
    last_error_at: datetime | None
    last_at: datetime | None


# Durations are counted by their logarithm, four steps to a doubling: from 1 ms to 65 s in 64 counters.
_STEPS = 4
_SLOTS = 16 * _STEPS
_FAILED = _SLOTS
# A metric has one bucket per doubling. What took under 1 ms isn't told apart, and the last slot is open.
_BOUNDS_S = tuple(2**doubling / 1000 for doubling in range(1, _SLOTS // _STEPS))
_THROTTLED = 429


class Stats:
    """Counts of one source's calls: a fixed size, and a fixed price per call."""

    def __init__(self, *, window_s: float = 60.0, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._window = Window(_SLOTS + 1, span_s=window_s, buckets=6)
        self._events = dict.fromkeys(Event, 0)
        self._last_error: str | None = None
        self._last_error_at: datetime | None = None
        self._last_at: datetime | None = None
        self._slots = [0] * _SLOTS
        self._sum_s = 0.0
        self._errors: dict[str, int] = {}
        self.calls = 0
        self.errors = 0

    @property
    def events(self) -> Mapping[Event, int]:
        """How often each has happened since the start."""
        return MappingProxyType(self._events)

    def happened(self, event: Event) -> None:
        """Count an event: the layers' `listener`."""
        self._events[event] += 1

    def ended(self, duration_s: float, error: str | None, now_s: float) -> None:
        """Count an attempt."""
        slot = _slot(duration_s)
        self.calls += 1
        self._slots[slot] += 1
        self._sum_s += duration_s
        self._window.add(slot, now_s)
        self._last_at = self._clock()
        if error is not None:
            self.errors += 1
            self._errors[error] = self._errors.get(error, 0) + 1
            self._window.add(_FAILED, now_s)
            self._last_error = error
            self._last_error_at = self._last_at

    def recent(self, now_s: float) -> Recent:
        """The last minute or so."""
        *durations, failed = self._window.totals(now_s)
        calls = sum(durations)
        return Recent(
            calls,
            failed / calls if calls else None,
            _percentile(durations, 0.50 * calls),
            _percentile(durations, 0.95 * calls),
            self._last_error,
            self._last_error_at,
            self._last_at,
        )

    def reading(
        self,
        *,
        circuit: str | None = None,
        circuit_states: Sequence[str] = (),
        running: int | None = None,
        waiting: int | None = None,
    ) -> SourceReading:
        """All since the start, for the metrics. How the other layers stand is theirs to tell."""
        counts = [sum(self._slots[first : first + _STEPS]) for first in range(0, _SLOTS, _STEPS)]
        durations = Durations(_BOUNDS_S, counts, self._sum_s)
        errors = dict(self._errors)
        events = {event.value: count for event, count in self._events.items()}
        return SourceReading(self.calls, errors, events, durations, circuit, circuit_states, running, waiting)


def _slot(duration_s: float) -> int:
    milliseconds = duration_s * 1000
    return 0 if milliseconds <= 1 else min(_SLOTS - 1, int(math.log2(milliseconds) * _STEPS))


def _percentile(counts: list[int], rank: float) -> float | None:
    """The middle of the slot that holds it; None of nothing."""
    seen = 0
    for slot, count in enumerate(counts):
        seen += count
        if count and seen >= rank:
            return round(2 ** ((slot + 0.5) / _STEPS), 3)
    return None


class Meter:
    """Times each attempt that goes out, and notes how it ended. One that its caller cut is left out."""

    def __init__(self, inner: Transport, stats: Stats, *, now: Monotonic = time.monotonic) -> None:
        self._inner = inner
        self._stats = stats
        self._now = now

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`."""
        began_s = self._now()
        try:
            reply = await self._inner.send(call)
        except SourceError as error:
            now_s = self._now()
            self._stats.ended(now_s - began_s, type(error).__name__, now_s)
            raise
        now_s = self._now()
        bad = reply.status >= 500 or reply.status == _THROTTLED
        self._stats.ended(now_s - began_s, str(reply.status) if bad else None, now_s)
        return reply

    async def close(self) -> None:
        """Close what is inside."""
        await self._inner.close()
