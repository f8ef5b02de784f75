"""The operation's account of its calls, as each of them meets it."""

from gateway.domain.spending import current_spending
from gateway.transport import Call, Reply, Transport


class CallCount:
    """Counts a call for the operation that makes it, and refuses a read that is one too many."""

    def __init__(self, inner: Transport, *, source: str) -> None:
        self._inner = inner
        self._source = source

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`.

        Raises:
            TooManySourceCalls: Nothing was sent.
        """
        spending = current_spending()
        if spending is not None:
            spending.spend(self._source, capped=call.safe)
        return await self._inner.send(call)

    async def close(self) -> None:
        """Close what is inside."""
        await self._inner.close()
