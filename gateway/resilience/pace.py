"""How fast a source may be asked, by its own answers. No I/O."""

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PaceOptions:
    """How calls are slowed down.

    Attributes:
        max_running: Calls at once, when all is well.
        default_pause_s: How long nothing is sent after a 429 that doesn't say; up to as much again by lot.
        max_pause_s: What is believed of a 429 that does.
    """

    max_running: int = 20
    default_pause_s: float = 1.0
    max_pause_s: float = 30.0


class Pace:
    """Additive increase, multiplicative decrease: halved by a 429, and raised by one per round of answers.

    `room` is the number of calls that may run at once; nothing is sent before `opens_s`.
    """

    def __init__(
        self, options: PaceOptions, *, uniform: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._options = options
        self._uniform = uniform
        self._lowered_s = float("-inf")
        self.room = float(options.max_running)
        self.opens_s = float("-inf")

    def answered(self) -> None:
        """The source kept up with one more call."""
        if self.room < self._options.max_running:
            self.room = min(float(self._options.max_running), self.room + 1 / self.room)

    def throttled(self, began_s: float, retry_after_s: float | None, now_s: float) -> None:
        """The source asked for fewer calls.

        All that were under way then are likely to be told the same: those that began before the last
        halving say nothing new about the right number.
        """
        if began_s > self._lowered_s:
            self.room = max(1.0, self.room / 2)
            self._lowered_s = now_s
        if retry_after_s is None:
            pause_s = self._options.default_pause_s
            retry_after_s = self._uniform(pause_s, 2 * pause_s)
        self.opens_s = max(self.opens_s, now_s + min(retry_after_s, self._options.max_pause_s))
