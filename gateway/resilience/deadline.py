"""The operation's deadline, as each of its calls meets it."""

import asyncio
import time
from collections.abc import Callable

from gateway.domain.deadline import Monotonic, remaining_s
from gateway.domain.errors import DeadlineExceeded
from gateway.transport import Call, Reply, Transport


class OperationDeadline:
    """Gives a read what the operation has left, and sends nothing once that is none.

    Only the waiting is cut: a flight below belongs to no caller and goes on. A write is not cut at all,
    since a write that may have begun must come to its end. What `stand_in` has for a read is used instead
    of an answer that doesn't come in time.
    """

    def __init__(
        self,
        inner: Transport,
        *,
        source: str,
        stand_in: Callable[[Call], Reply | None] = lambda _: None,
        now: Monotonic = time.monotonic,
    ) -> None:
        self._inner = inner
        self._source = source
        self._stand_in = stand_in
        self._now = now

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`.

        Raises:
            DeadlineExceeded: The time ran out; `sent` is False if it had before the call.
        """
        left_s = remaining_s(self._now)
        if left_s is None:
            return await self._inner.send(call)
        if left_s == 0 and (kept := self._stand_in(call)) is not None:
            return kept
        if left_s == 0:
            raise DeadlineExceeded(self._source, detail=f"{call.operation}: not sent", sent=False)
        if not call.safe:
            return await self._inner.send(call)
        cut = asyncio.timeout(left_s)
        try:
            async with cut:
                return await self._inner.send(call)
        except TimeoutError as error:
            if not cut.expired():
                raise
            if (kept := self._stand_in(call)) is not None:
                return kept
            raise DeadlineExceeded(
                self._source, detail=f"{call.operation}: cut after {left_s:.3f} s"
            ) from error

    async def close(self) -> None:
        """Close what is inside."""
        await self._inner.close()
