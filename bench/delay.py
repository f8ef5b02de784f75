"""`python -m bench.delay PORT TO_PORT MS`: passes on TCP, and what a client sends only after a while.

nginx as Debian packages it can't wait before it answers, so this stands in front. It knows nothing of HTTP:
a client here sends a whole request at once and waits for the answer.
"""

import asyncio
import sys
from typing import cast

import uvloop


class _Client(asyncio.Protocol):
    """One connection of a client, and the one that it is passed on by."""

    def __init__(self, to_port: int, delay_s: float) -> None:
        self._to_port = to_port
        self._delay_s = delay_s
        self._transport: asyncio.Transport | None = None
        self._server: asyncio.Task[asyncio.Transport] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server = asyncio.get_running_loop().create_task(self._connect(self._transport))

    async def _connect(self, client: asyncio.Transport) -> asyncio.Transport:
        loop = asyncio.get_running_loop()
        server, _ = await loop.create_connection(lambda: _Answers(client), "127.0.0.1", self._to_port)
        return server

    def data_received(self, data: bytes) -> None:
        asyncio.get_running_loop().call_later(self._delay_s, self._pass_on, data)

    def _pass_on(self, data: bytes) -> None:
        # On loopback it is connected long before the time is over.
        assert self._server is not None
        self._server.result().write(data)

    def connection_lost(self, _: Exception | None) -> None:
        if self._server is not None and self._server.done() and self._server.exception() is None:
            self._server.result().close()


class _Answers(asyncio.Protocol):
    def __init__(self, client: asyncio.Transport) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        self._client.write(data)

    def connection_lost(self, _: Exception | None) -> None:
        self._client.close()


async def _serve(port: int, to_port: int, delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Client(to_port, delay_s), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000))
