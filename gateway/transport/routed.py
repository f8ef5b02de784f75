"""Which calls go through which adapter."""

from gateway.transport.call import Call, Reply, Transport
from gateway.transport.httpx import HttpxTransport
from gateway.transport.options import TransportOptions
from gateway.transport.pyreqwest import PyreqwestTransport


def open_transport(source: str, options: TransportOptions) -> Transport:
    """What a source gets: pyreqwest for reads, httpx for the rest (docs/decisions/0008)."""
    return RoutedTransport(reads=PyreqwestTransport(source, options), writes=HttpxTransport(source, options))


class RoutedTransport:
    """Reads take one way, and everything else the other.

    A read whose body is a stream goes with the writes: it can't be built twice.
    """

    def __init__(self, *, reads: Transport, writes: Transport) -> None:
        self._reads = reads
        self._writes = writes

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`."""
        if call.safe and isinstance(call.body, bytes | None):
            return await self._reads.send(call)
        return await self._writes.send(call)

    async def close(self) -> None:
        """Close both, the second even if the first fails."""
        try:
            await self._reads.close()
        finally:
            await self._writes.close()
