"""Who may use a connection, and who waits for it."""

import asyncio

from gateway.domain.errors import SourceTimeout


class Places:
    """As many calls at once as there may be connections; the next ones wait, first come first served.

    The libraries' own queues are not used: pyreqwest still sends a call that was cancelled while it waited,
    and httpx's pool can lose a place for ever when one is.
    """

    def __init__(self, count: int, *, source: str, timeout_s: float) -> None:
        self._free = asyncio.Semaphore(count)
        self._source = source
        self._timeout_s = timeout_s

    async def take(self, operation: str) -> None:
        """Take a place; whoever has it gives it back.

        Raises:
            SourceTimeout: None was free in time. Nothing was sent.
        """
        if not self._free.locked():
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._free.acquire()
        except TimeoutError as error:
            detail = f"{operation}: no connection was free in time"
            raise SourceTimeout(self._source, detail=detail, sent=False) from error

    def give_back(self) -> None:
        """Let the next one in."""
        self._free.release()
