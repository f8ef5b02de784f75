"""How many calls to a source run at once, and how long the next ones wait for their turn."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass

from gateway.domain.clock import Clock, utc_now
from gateway.domain.deadline import Monotonic
from gateway.domain.errors import SourceError, SourceOverloaded, SourceThrottled
from gateway.resilience.pace import Pace
from gateway.resilience.patience import patience_s
from gateway.resilience.retry_after import retry_after_s
from gateway.resilience.stats import Event, Listener, nobody
from gateway.transport import Call, Reply, Transport

_THROTTLED = 429


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """How many calls may wait, and for how long."""

    max_waiting: int = 200
    max_wait_s: float = 2.0


@dataclass(slots=True, eq=False)
class _Waiter:
    """A call in the queue. Its turn comes with None; with an error it is refused instead."""

    operation: str
    until_s: float
    turn: asyncio.Future[SourceError | None]


class ConcurrencyLimit:
    """Lets a few calls run at once and queues a few more, first come first served.

    After a 429 nothing is sent until the source is ready again: what can wait so long does, the rest is
    refused at once. What is refused was not sent, so a write may be refused like a read.
    """

    def __init__(
        self,
        inner: Transport,
        options: QueueOptions,
        *,
        source: str,
        pace: Pace,
        now: Monotonic = time.monotonic,
        clock: Clock = utc_now,
        listener: Listener = nobody,
    ) -> None:
        self._inner = inner
        self._options = options
        self._source = source
        self._pace = pace
        self._now = now
        self._clock = clock
        self._listener = listener
        self._queue: deque[_Waiter] = deque()
        self._opening: asyncio.TimerHandle | None = None
        self.running = 0

    @property
    def waiting(self) -> int:
        """How many calls are in the queue."""
        return len(self._queue)

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`.

        Raises:
            SourceOverloaded: The queue was full, or the turn didn't come in time. Nothing was sent.
            SourceThrottled: The source wants a longer pause than a call may wait. Nothing was sent.
        """
        began_s = self._now()
        if self._queue or not self._has_room(began_s):
            await self._take_turn(call, began_s)
            began_s = self._now()
        else:
            self.running += 1
        try:
            reply = await self._inner.send(call)
            if reply.status == _THROTTLED:
                self._slow_down(began_s, retry_after_s(reply, self._clock()))
            elif reply.status < 500:
                self._pace.answered()
        except SourceThrottled as error:
            self._slow_down(began_s, error.retry_after_s)
            raise
        finally:
            self._leave()
        return reply

    def _has_room(self, now_s: float) -> bool:
        return self.running + 1 <= self._pace.room and now_s >= self._pace.opens_s

    async def _take_turn(self, call: Call, now_s: float) -> None:
        wait_s = min(self._options.max_wait_s, patience_s(now_s))
        loop = asyncio.get_running_loop()
        waiter = _Waiter(call.operation, now_s + wait_s, loop.create_future())
        if self._pace.opens_s > waiter.until_s or len(self._queue) >= self._options.max_waiting:
            raise self._refusal(waiter)
        self._queue.append(waiter)
        self._let_in()
        giving_up = loop.call_later(wait_s, self._give_up, waiter)
        try:
            refusal = await waiter.turn
        except asyncio.CancelledError:
            if waiter in self._queue:
                self._queue.remove(waiter)
            elif waiter.turn.done() and not waiter.turn.cancelled() and waiter.turn.result() is None:
                # Its turn had come, though it did not live to see it.
                self._leave()
            raise
        finally:
            giving_up.cancel()
        if refusal is not None:
            raise refusal

    def _leave(self) -> None:
        self.running -= 1
        self._let_in()

    def _let_in(self) -> None:
        """Give the free places to those who have waited longest."""
        now_s = self._now()
        while self._queue and self._has_room(now_s):
            waiter = self._queue.popleft()
            if not waiter.turn.done():
                self.running += 1
                waiter.turn.set_result(None)
        if self._queue and now_s < self._pace.opens_s and self._opening is None:
            self._opening = asyncio.get_running_loop().call_later(self._pace.opens_s - now_s, self._open)

    def _open(self) -> None:
        self._opening = None
        self._let_in()

    def _give_up(self, waiter: _Waiter) -> None:
        if not waiter.turn.done():
            self._queue.remove(waiter)
            waiter.turn.set_result(self._refusal(waiter))

    def _slow_down(self, began_s: float, asked_s: float | None) -> None:
        self._pace.throttled(began_s, asked_s, self._now())
        for waiter in [each for each in self._queue if each.until_s < self._pace.opens_s]:
            self._give_up(waiter)

    def _refusal(self, waiter: _Waiter) -> SourceError:
        closed_s = self._pace.opens_s - self._now()
        if closed_s <= 0:
            self._listener(Event.OVERLOADED)
            return SourceOverloaded(self._source, detail=f"{waiter.operation}: {len(self._queue)} waiting")
        self._listener(Event.THROTTLED)
        return SourceThrottled(
            self._source, detail=f"{waiter.operation}: not sent", retry_after_s=closed_s, sent=False
        )

    async def close(self) -> None:
        """Close what is inside."""
        if self._opening is not None:
            self._opening.cancel()
        await self._inner.close()
