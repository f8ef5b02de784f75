"""How a source is doing, by its real traffic."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CircuitState(StrEnum):
    """Whether calls to a source are let through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class HealthState(StrEnum):
    """A source's condition in a word."""

    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """What this process has seen of a source in the last minute or so.

    Attributes:
        error_rate: The share of calls without an answer or with a 5xx or 429; None where there were none.
        p50_ms, p95_ms: How long calls took, within 10 %.
        last_error: What kind of failure the last one was: never a text of the source.
        checked_at: When a call ended last.
    """

    state: HealthState
    circuit: CircuitState
    p50_ms: float | None = None
    p95_ms: float | None = None
    error_rate: float | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    checked_at: datetime | None = None
