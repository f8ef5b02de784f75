"""Whose credential a call goes under, where a source takes each caller's own."""

from dataclasses import replace

from gateway.domain.callers import forwarded
from gateway.domain.errors import NotForwarded
from gateway.transport import Call, Reply, Transport


class CallersCredential:
    """Puts the caller's credential onto its calls: all that is shared below goes by it.

    Outermost of all, since what lies below may run in tasks that belong to no caller.
    """

    def __init__(self, inner: Transport, *, source: str) -> None:
        self._inner = inner
        self._source = source

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`.

        Raises:
            NotForwarded: The caller has brought no credential for this source. Nothing was sent.
        """
        credential = forwarded(self._source)
        if credential is None:
            raise NotForwarded(self._source)
        return await self._inner.send(replace(call, credential=credential))

    async def close(self) -> None:
        """Close what is inside."""
        await self._inner.close()
