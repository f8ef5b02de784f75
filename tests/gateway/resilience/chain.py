"""The production stack, with the options of each layer at hand."""

from collections.abc import Callable
from datetime import UTC, datetime

from gateway.resilience.budget import BudgetOptions
from gateway.resilience.cache import CacheOptions
from gateway.resilience.circuit import CircuitOptions
from gateway.resilience.limit import QueueOptions
from gateway.resilience.pace import PaceOptions
from gateway.resilience.retry import RetryOptions
from gateway.resilience.stack import Stack, StackOptions, build_stack
from gateway.transport import Transport
from tests.gateway.resilience.virtual_time import now

_CLOCK = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


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
    forwards: bool = False,
    uniform: Callable[[float, float], float] = lambda low, high: (low + high) / 2,
) -> Stack:
    """The production stack on the running loop's virtual time."""
    options = StackOptions(
        attempt_timeout_s,
        retry or RetryOptions(),
        budget or BudgetOptions(),
        circuit or CircuitOptions(),
        queue or QueueOptions(),
        pace or PaceOptions(),
        cache or CacheOptions(),
        max_bytes,
        forwards=forwards,
    )
    return build_stack(
        transport,
        options,
        source="hub",
        authorise=lambda inner: inner,
        clock=lambda: _CLOCK,
        now=now,
        uniform=uniform,
    )
