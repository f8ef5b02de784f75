"""Counts in plain numbers, which a scrape reads: counting one costs the same whatever the traffic."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.domain.errors import ErrorCode

OPERATIONS: Final = ("query", "mutation", "subscription", "upload", "none")
OUTCOMES: Final = ("ok", "errors", "refused", "failed", "cut")
# Seconds; the gateway's own time is in the first ones, a deadline in the last.
REQUEST_BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_CODES: Final = frozenset(each.value for each in ErrorCode)
OTHER: Final = "OTHER"


@dataclass(frozen=True, slots=True)
class Durations:
    """How many took up to each bound, and not up to the one before; the last number: longer than all."""

    bounds_s: Sequence[float]
    counts: Sequence[int]
    sum_s: float


@dataclass(frozen=True, slots=True)
class SourceReading:
    """What has been counted of one source since the start, and how it stands now.

    Attributes:
        calls: Attempts that went out and ended.
        errors: Those that failed, by a class of ours or a status.
        events: What the layers did instead of, or beside, passing a call on.
        circuit: Its state, one of `circuit_states`.
        running, waiting: Calls at this moment.
    """

    calls: int
    errors: Mapping[str, int]
    events: Mapping[str, int]
    durations: Durations
    circuit: str | None = None
    circuit_states: Sequence[str] = ()
    running: int | None = None
    waiting: int | None = None


class RequestCounts:
    """Requests by what they were and how they ended, and their errors by code."""

    def __init__(self) -> None:
        self._slots: dict[tuple[str, str], list[int]] = {}
        self._sums_s: dict[tuple[str, str], float] = {}
        self._errors: dict[str, int] = {}
        self.under_way = 0

    def ended(self, operation: str, outcome: str, duration_s: float, codes: Sequence[str]) -> None:
        """Count a request. Names that aren't known are counted as `none` and `OTHER`."""
        key = (operation if operation in OPERATIONS else "none", outcome)
        slots = self._slots.get(key)
        if slots is None:
            slots = self._slots[key] = [0] * (len(REQUEST_BOUNDS_S) + 1)
            self._sums_s[key] = 0.0
        slots[bisect_left(REQUEST_BOUNDS_S, duration_s)] += 1
        self._sums_s[key] += duration_s
        for code in codes:
            known = code if code in _CODES else OTHER
            self._errors[known] = self._errors.get(known, 0) + 1

    def durations(self) -> Mapping[tuple[str, str], Durations]:
        """By operation and outcome."""
        return {
            key: Durations(REQUEST_BOUNDS_S, slots, self._sums_s[key]) for key, slots in self._slots.items()
        }

    def errors(self) -> Mapping[str, int]:
        """By code."""
        return self._errors


class WriteCounts:
    """Writes by source and the state that they came to."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}

    def came_to(self, source: str, state: str) -> None:
        """Count one step of a write: a journal's or a reconciler's listener."""
        key = (source, state)
        self._counts[key] = self._counts.get(key, 0) + 1

    def counts(self) -> Mapping[tuple[str, str], int]:
        """By source and state."""
        return self._counts
