"""The one place that orders the layers around a source's transport."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.domain.clock import Clock, utc_now
from gateway.domain.deadline import Monotonic
from gateway.domain.health import CircuitState
from gateway.observability.counts import SourceReading
from gateway.resilience.attempt_timeout import AttemptTimeout
from gateway.resilience.breaker import CircuitBreaker
from gateway.resilience.budget import BudgetOptions, RetryBudget
from gateway.resilience.cache import CacheFill, CacheLookup, CacheOptions
from gateway.resilience.cache_store import CacheStore
from gateway.resilience.call_count import CallCount
from gateway.resilience.callers import CallersCredential
from gateway.resilience.circuit import CircuitOptions, Rules
from gateway.resilience.deadline import OperationDeadline
from gateway.resilience.limit import ConcurrencyLimit, QueueOptions
from gateway.resilience.pace import Pace, PaceOptions
from gateway.resilience.retry import Retry, RetryOptions
from gateway.resilience.single_flight import SingleFlight
from gateway.resilience.stats import Meter, Stats
from gateway.resilience.traced import Place, Traced
from gateway.transport import Transport


@dataclass(frozen=True, slots=True)
class StackOptions:
    """How one source is treated.

    Attributes:
        forwards: Whether each call goes under its caller's own credential.
    """

    attempt_timeout_s: float = 15.0
    retry: RetryOptions = field(default_factory=RetryOptions)
    budget: BudgetOptions = field(default_factory=BudgetOptions)
    circuit: CircuitOptions = field(default_factory=CircuitOptions)
    queue: QueueOptions = field(default_factory=QueueOptions)
    pace: PaceOptions = field(default_factory=PaceOptions)
    cache: CacheOptions = field(default_factory=CacheOptions)
    cache_max_bytes: int = 8 * 1024 * 1024
    forwards: bool = False


@dataclass(frozen=True, slots=True)
class Stack:
    """A source's transport with all its layers, and those that can tell how the source is doing."""

    transport: Transport
    stats: Stats
    breaker: CircuitBreaker
    limit: ConcurrencyLimit
    flights: SingleFlight
    store: CacheStore

    def reading(self) -> SourceReading:
        """What the metrics show of the source."""
        return self.stats.reading(
            circuit=self.breaker.status().state,
            circuit_states=tuple(CircuitState),
            running=self.limit.running,
            waiting=self.limit.waiting,
        )


def build_stack(
    transport: Transport,
    options: StackOptions,
    *,
    source: str,
    place: Place | None = None,
    authorise: Callable[[Transport], Transport],
    clock: Clock = utc_now,
    now: Monotonic = time.monotonic,
    uniform: Callable[[float, float], float] = random.uniform,
) -> Stack:
    """Wrap a source's transport. Whatever a call passes through belongs here, in one visible order.

    Args:
        transport: What sends it in the end.
        options: How the source is treated.
        source: The source's key.
        authorise: Makes the layer that puts credentials on; its log-ins go through what it is given.
        clock: What time it is.
        now: What time has passed.
        uniform: Draws the lots.
    """
    stats = Stats(clock=clock)
    listener = stats.happened
    store = CacheStore(max_bytes=options.cache_max_bytes)
    # From the innermost to the outermost. Above the cache nothing depends on a token; below the flights
    # nothing belongs to one caller; the limit is below the retries, so that each of them queues.
    layer: Transport = AttemptTimeout(transport, source=source, timeout_s=options.attempt_timeout_s)
    layer = Meter(layer, stats, now=now)
    if place is not None:
        layer = Traced(layer, place)
    layer = authorise(layer)
    layer = limit = ConcurrencyLimit(
        layer,
        options.queue,
        source=source,
        pace=Pace(options.pace, uniform=uniform),
        now=now,
        clock=clock,
        listener=listener,
    )
    rules = Rules(options.circuit, uniform)
    layer = breaker = CircuitBreaker(layer, rules, source=source, now=now, listener=listener)
    budget = RetryBudget(options.budget)
    layer = Retry(
        layer, options.retry, budget=budget, now=now, clock=clock, uniform=uniform, listener=listener
    )
    layer = fill = CacheFill(layer, store, options.cache, now=now, listener=listener)
    layer = flights = SingleFlight(layer, source=source, listener=listener)
    layer = CallCount(layer, source=source)
    layer = CacheLookup(layer, store, now=now, listener=listener)
    layer = OperationDeadline(layer, source=source, stand_in=fill.stand_in, now=now)
    if options.forwards:
        layer = CallersCredential(layer, source=source)
    return Stack(layer, stats, breaker, limit, flights, store)
