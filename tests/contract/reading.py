"""What the suites of those adapters share that carry reads."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from gateway.domain.errors import SourceError
from gateway.transport import Call, Transport, TransportOptions
from gateway.transport.httpx import HttpxTransport
from gateway.transport.pyreqwest import PyreqwestTransport
from tests.raw_server import Behaviour, RawServer, Received, answer

# The adapters that reads may go through.
Adapter = Callable[[str, TransportOptions], Transport]
ADAPTERS: dict[str, Adapter] = {
    "httpx": HttpxTransport,
    "pyreqwest": PyreqwestTransport,
}

# Longer than anything here takes but what never ends.
SOON_S = 0.05
TOKEN = "t0ken"
READ = Call("read case", "GET", "/case", safe=True, query=(("accessToken", TOKEN),))

Opening = Callable[..., AbstractAsyncContextManager[Transport]]


def opening_with(adapter: Adapter) -> Opening:
    """Opens transports by one adapter, generous in all that a test doesn't say."""
    generous = {"connect_timeout_s": 10.0, "read_timeout_s": 10.0, "pool_timeout_s": 30.0}

    @asynccontextmanager
    async def opened(base_url: str, **given: Any) -> AsyncIterator[Transport]:
        wire = adapter("hub", TransportOptions(base_url, **(generous | given)))
        try:
            yield wire
        finally:
            await wire.close()

    return opened


@asynccontextmanager
async def source(
    opening: Opening, behave: Behaviour, *, tls: ssl.SSLContext | None = None, **given: Any
) -> AsyncIterator[tuple[RawServer, Transport]]:
    server = RawServer(behave)
    async with server.listen(tls), opening(server.base_url, **given) as transport:
        yield server, transport


def read(path: str, **given: Any) -> Call:
    return Call("read case", "GET", path, safe=True, **given)


async def failure(transport: Transport, call: Call = READ) -> tuple[type[SourceError], bool, str]:
    """What a failing call raises, after a look at whether any of it tells the URL or the token."""
    with pytest.raises(SourceError) as raised:
        await transport.send(call)
    error = raised.value
    for text in (str(error), repr(error), error.message, error.detail, repr(error.args)):
        assert not any(secret in text for secret in (TOKEN, "accessToken", "127.0.0.1", "http:", "https:"))
    assert error.source == "hub"
    return type(error), error.sent, error.detail


async def echo(request: Received, writer: asyncio.StreamWriter) -> None:
    """Answer with what was asked for."""
    writer.write(answer(request.target.encode()))
