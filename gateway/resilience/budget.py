"""How much of a source's traffic may be retries."""

from dataclasses import dataclass
from enum import IntEnum

from gateway.resilience.window import Window


@dataclass(frozen=True, slots=True)
class BudgetOptions:
    """Retries are at most `share` of the calls of the last `window_s`, but may always be `floor`.

    The floor lets a quiet source have a retry at all; it must stay small, since it is the part of a
    retry storm that nothing limits.
    """

    share: float = 0.1
    floor: int = 3
    window_s: float = 10.0


class _Kind(IntEnum):
    CALL = 0
    RETRY = 1


class RetryBudget:
    """Counts calls and the retries made of them."""

    def __init__(self, options: BudgetOptions) -> None:
        self._options = options
        self._window = Window(len(_Kind), span_s=options.window_s)

    def called(self, now_s: float) -> None:
        """Take note of a call; its retries don't count as calls."""
        self._window.add(_Kind.CALL, now_s)

    def spend(self, now_s: float) -> bool:
        """Take one retry, if there is one left."""
        counts = self._window.totals(now_s)
        if counts[_Kind.RETRY] + 1 > max(self._options.floor, self._options.share * counts[_Kind.CALL]):
            return False
        self._window.add(_Kind.RETRY, now_s)
        return True
