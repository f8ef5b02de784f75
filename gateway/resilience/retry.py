"""Another attempt at a read that failed for a reason that may pass."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.domain.clock import Clock, utc_now
from gateway.domain.deadline import Monotonic
from gateway.domain.errors import CircuitOpen, SourceTimeout, SourceUnavailable
from gateway.resilience.budget import RetryBudget
from gateway.resilience.patience import patience_s
from gateway.resilience.retry_after import retry_after_s
from gateway.resilience.stats import Event, Listener, nobody
from gateway.transport import Call, Reply, Transport

_THROTTLED = 429


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """How often, and after what pause.

    Attributes:
        max_retries: Attempts beside the first one.
        first_backoff_s: The pause before the first retry is between 0 and this; it doubles each time.
        max_backoff_s: It doubles up to this.
        max_pause_s: Where a source asks for a longer one, its answer stands.
    """

    max_retries: int = 2
    first_backoff_s: float = 0.1
    max_backoff_s: float = 2.0
    max_pause_s: float = 5.0


class Retry:
    """Tries a read again after a 5xx, a 429, a broken connection or a timeout.

    Not if the budget is spent, if whoever waits would have gone by then, or if the circuit has opened:
    then the last outcome stands.
    """

    def __init__(
        self,
        inner: Transport,
        options: RetryOptions,
        *,
        budget: RetryBudget,
        now: Monotonic = time.monotonic,
        clock: Clock = utc_now,
        uniform: Callable[[float, float], float] = random.uniform,
        listener: Listener = nobody,
    ) -> None:
        self._inner = inner
        self._options = options
        self._budget = budget
        self._now = now
        self._clock = clock
        self._uniform = uniform
        self._listener = listener

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`."""
        self._budget.called(self._now())
        # A streamed body is used up: sent again, it would be an empty one.
        if not call.safe or not isinstance(call.body or b"", bytes):
            return await self._inner.send(call)
        retries = 0
        while True:
            try:
                reply = await self._inner.send(call)
            except CircuitOpen:
                raise
            except (SourceUnavailable, SourceTimeout):
                pause_s = self._pause_s(retries, None)
                if pause_s is None:
                    raise
            else:
                if reply.status < 500 and reply.status != _THROTTLED:
                    return reply
                pause_s = self._pause_s(retries, retry_after_s(reply, self._clock()))
                if pause_s is None:
                    return reply
            retries += 1
            self._listener(Event.RETRIED)
            await asyncio.sleep(pause_s)

    def _pause_s(self, retries: int, asked_s: float | None) -> float | None:
        """How long to wait before the next attempt; None if there shall be none."""
        options = self._options
        if retries == options.max_retries:
            return None
        # Full jitter: callers who failed together don't come back together.
        ceiling_s = min(options.max_backoff_s, options.first_backoff_s * 2**retries)
        asked_s = asked_s or 0.0
        pause_s = asked_s + self._uniform(0.0, ceiling_s)
        now_s = self._now()
        if asked_s > options.max_pause_s or pause_s >= patience_s(now_s):
            return None
        return pause_s if self._budget.spend(now_s) else None

    async def close(self) -> None:
        """Close what is inside."""
        await self._inner.close()
