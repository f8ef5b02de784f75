"""All layers around a source, in the stack's order, with their inner parts at hand."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.resilience.attempt_timeout import AttemptTimeout
from gateway.resilience.breaker import CircuitBreaker
from gateway.resilience.budget import BudgetOptions, RetryBudget
from gateway.resilience.cache import CacheFill, CacheLookup, CacheOptions
from gateway.resilience.cache_store import CacheStore
from gateway.resilience.circuit import CircuitOptions, Rules
from gateway.resilience.deadline import OperationDeadline
from gateway.resilience.limit import ConcurrencyLimit, QueueOptions
from gateway.resilience.pace import Pace, PaceOptions
from gateway.resilience.retry import Retry, RetryOptions
from gateway.resilience.single_flight import SingleFlight
from gateway.resilience.stats import Meter, Stats
from gateway.transport import Transport
from tests.gateway.resilience.virtual_time import now

_CLOCK = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Chain:
    """The outermost layer, and those whose state a test looks at."""

    outermost: Transport
    flights: SingleFlight
    breaker: CircuitBreaker
    limit: ConcurrencyLimit
    store: CacheStore
    stats: Stats


def chain(
    transport: Transport,
    *,
    attempt_timeout_s: float = 5.0,
    cache: CacheOptions | None = None,
    max_bytes: int = 1_000_000,
    retry: RetryOptions | None = None,
    budget: BudgetOptions | None = None,
    circuit: CircuitOptions | None = None,
    queue: QueueOptions | None = None,
    pace: PaceOptions | None = None,
    uniform: Callable[[float, float], float] = lambda low, high: (low + high) / 2,
) -> Chain:
    """On the running loop's virtual time."""
    stats, store = Stats(clock=lambda: _CLOCK), CacheStore(max_bytes=max_bytes)
    source, listener = "hub", stats.happened
    attempt = Meter(AttemptTimeout(transport, source=source, timeout_s=attempt_timeout_s), stats, now=now)
    limit = ConcurrencyLimit(
        attempt,
        queue or QueueOptions(),
        source=source,
        pace=Pace(pace or PaceOptions(), uniform=uniform),
        now=now,
        clock=lambda: _CLOCK,
        listener=listener,
    )
    breaker = CircuitBreaker(
        limit, Rules(circuit or CircuitOptions(), uniform), source=source, now=now, listener=listener
    )
    retried = Retry(
        breaker,
        retry or RetryOptions(),
        budget=RetryBudget(budget or BudgetOptions()),
        now=now,
        clock=lambda: _CLOCK,
        uniform=uniform,
        listener=listener,
    )
    fill = CacheFill(retried, store, cache or CacheOptions(), now=now, listener=listener)
    flights = SingleFlight(fill, source=source, listener=listener)
    lookup = CacheLookup(flights, store, now=now, listener=listener)
    outermost = OperationDeadline(lookup, source=source, now=now)
    return Chain(outermost, flights, breaker, limit, store, stats)
