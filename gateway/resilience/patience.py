"""How long anyone still waits for a read.

A flight runs without a deadline, for it belongs to no caller. Yet to begin another attempt for which
nobody waits would only burden a source that is in trouble.
"""

import math
from contextvars import ContextVar

from gateway.domain.deadline import Deadline, current_deadline


class Patience:
    """That of all who wait for one flight."""

    __slots__ = ("_until_s", "waiting")

    def __init__(self) -> None:
        self.waiting = 0
        self._until_s = -math.inf

    def join(self, deadline: Deadline | None) -> None:
        """One more waits, until its deadline."""
        self.waiting += 1
        self._until_s = max(self._until_s, math.inf if deadline is None else deadline.at_s)

    def leave(self) -> None:
        """One has gone."""
        self.waiting -= 1

    def remaining_s(self, now_s: float) -> float:
        """What is left to the most patient; 0 where all have gone."""
        return max(0.0, self._until_s - now_s) if self.waiting else 0.0


_of_flight: ContextVar[Patience | None] = ContextVar("patience", default=None)


def fly_with(patience: Patience) -> None:
    """Make this the patience of the context that it is called in."""
    _of_flight.set(patience)


def patience_s(now_s: float) -> float:
    """What is left to whoever waits for the call made in this context; endless without a deadline."""
    patience = _of_flight.get()
    if patience is not None:
        return patience.remaining_s(now_s)
    deadline = current_deadline()
    return math.inf if deadline is None else deadline.remaining_s(now_s)
