"""The time that one attempt may take as a whole."""

import asyncio

from gateway.domain.errors import SourceTimeout
from gateway.transport import Call, Reply, Transport


class AttemptTimeout:
    """Ends an attempt after `timeout_s`, however slowly its bytes keep coming.

    A client library's read timeout starts anew with every chunk, so a source that drips would hold
    a request for ever.
    """

    def __init__(self, inner: Transport, *, source: str, timeout_s: float) -> None:
        self._inner = inner
        self._source = source
        self._timeout_s = timeout_s

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._inner.send(call)
        except TimeoutError as error:
            raise SourceTimeout(
                self._source, detail=f"{call.operation}: over {self._timeout_s} s in all"
            ) from error

    async def close(self) -> None:
        """Close what is inside."""
        await self._inner.close()
