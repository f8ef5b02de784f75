"""When to leave a source alone: the states of a circuit, and the way from one to the next. No I/O."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, TypeAlias

from gateway.domain.health import CircuitState
from gateway.resilience.window import Window


@dataclass(frozen=True, slots=True)
class CircuitOptions:
    """When a circuit opens, and how it closes again.

    Attributes:
        window_s: What counts as recent.
        min_calls: With fewer recent calls than this it stays closed.
        failure_rate: It opens when this share of them failed,
        slow_rate: or when this share, failed or not, took `slow_call_s` or longer.
        first_pause_s: How long it stays open at first; that doubles each time it opens again,
        max_pause_s: up to this. Up to half of a pause is taken off by lot.
        probes: How many calls must do well before it closes; meanwhile the others are refused.
    """

    window_s: float = 10.0
    min_calls: int = 10
    failure_rate: float = 0.5
    slow_call_s: float = 5.0
    slow_rate: float = 0.8
    first_pause_s: float = 1.0
    max_pause_s: float = 10.0
    probes: int = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """The options, and how lots are drawn."""

    options: CircuitOptions = field(default_factory=CircuitOptions)
    uniform: Callable[[float, float], float] = random.uniform


class Outcome(IntEnum):
    """How a call ended, as far as the source is to blame."""

    WELL = 0
    SLOW = 1
    FAILED = 2
    FAILED_SLOWLY = 3
    CUT = 4  # by its caller, before anything could be said
    NOT_SENT = 5


_JUDGED = 4  # the first so many count


@dataclass(slots=True, eq=False)
class Closed:
    """All calls pass. `openings` counts those before it that were not followed by a quiet window."""

    name: ClassVar = CircuitState.CLOSED
    rules: Rules
    since_s: float
    openings: int = 0
    window: Window = field(init=False)

    def __post_init__(self) -> None:
        self.window = Window(_JUDGED, span_s=self.rules.options.window_s)

    def admit(self, now_s: float) -> "Admitting | None":  # noqa: ARG002 - every state's signature
        """Let a call through."""
        return self

    def next(self, outcome: Outcome, now_s: float) -> "State":
        """Count it, and open once there is too much against the source."""
        if outcome >= _JUDGED:
            return self
        self.window.add(outcome, now_s)
        if outcome is Outcome.WELL:
            return self
        options = self.rules.options
        well, slow, failed, failed_slowly = self.window.totals(now_s)
        calls = well + slow + failed + failed_slowly
        too_many_failed = failed + failed_slowly >= options.failure_rate * calls
        too_many_slow = slow + failed_slowly >= options.slow_rate * calls
        if calls < options.min_calls or not (too_many_failed or too_many_slow):
            return self
        was_quiet = now_s - self.since_s >= options.window_s
        return opened(self.rules, now_s, openings=0 if was_quiet else self.openings)


@dataclass(frozen=True, slots=True, eq=False)
class Open:
    """No call passes until `until_s`. `openings` counts this one too."""

    name: ClassVar = CircuitState.OPEN
    rules: Rules
    since_s: float
    until_s: float
    openings: int = 1

    def admit(self, now_s: float) -> "Admitting | None":
        """Refuse, or begin to probe."""
        if now_s < self.until_s:
            return None
        return HalfOpen(self.rules, now_s, self.openings).admit(now_s)


@dataclass(slots=True, eq=False)
class HalfOpen:
    """A few calls pass as probes. All must do well; the first that doesn't opens the circuit again."""

    name: ClassVar = CircuitState.HALF_OPEN
    rules: Rules
    since_s: float
    openings: int
    under_way: int = 0
    passed: int = 0

    def admit(self, now_s: float) -> "Admitting | None":  # noqa: ARG002 - every state's signature
        """Let no more through than are still needed."""
        if self.under_way + self.passed >= self.rules.options.probes:
            return None
        self.under_way += 1
        return self

    def next(self, outcome: Outcome, now_s: float) -> "State":
        """Judge a probe."""
        self.under_way -= 1
        if outcome >= _JUDGED:
            return self
        if outcome is not Outcome.WELL:
            return opened(self.rules, now_s, openings=self.openings)
        self.passed += 1
        if self.passed < self.rules.options.probes:
            return self
        return Closed(self.rules, now_s, self.openings)


# A call is let through by one of the first two, which judges it, unless another state has followed by then.
Admitting: TypeAlias = Closed | HalfOpen
State: TypeAlias = Admitting | Open


def opened(rules: Rules, now_s: float, *, openings: int) -> Open:
    """The state after too much went wrong, when it had opened so many times before."""
    longest_s = min(rules.options.max_pause_s, rules.options.first_pause_s * 2**openings)
    return Open(rules, now_s, now_s + rules.uniform(longest_s / 2, longest_s), openings + 1)
