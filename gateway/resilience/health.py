"""What a source's layers tell of its health."""

import time

from gateway.domain.deadline import Monotonic
from gateway.domain.health import CircuitState, HealthState, SourceHealth
from gateway.resilience.stack import Stack
from gateway.resilience.stats import Recent

# With so many calls failing somebody notices, though most get through.
_DEGRADED_RATE = 0.1


def health_of(stack: Stack, *, now: Monotonic = time.monotonic) -> SourceHealth:
    """How the source behind a stack is doing."""
    recent, circuit = stack.stats.recent(now()), stack.breaker.status().state
    return SourceHealth(
        _state(recent, circuit),
        circuit,
        recent.p50_ms,
        recent.p95_ms,
        recent.error_rate,
        recent.last_error,
        recent.last_error_at,
        recent.last_at,
    )


def _state(recent: Recent, circuit: CircuitState) -> HealthState:
    if circuit is CircuitState.OPEN:
        return HealthState.DOWN
    if circuit is CircuitState.HALF_OPEN:
        return HealthState.DEGRADED
    if recent.error_rate is None:
        return HealthState.UNKNOWN
    return HealthState.DEGRADED if recent.error_rate >= _DEGRADED_RATE else HealthState.HEALTHY
