"""A REST API at the level of bytes, for what no HTTP framework does: resets, drips, half answers."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Received:
    """One request, read to its end. Header names are in lower case; connections count from 1."""

    connection: int
    method: str
    target: str
    headers: MappingProxyType[str, str] = field(repr=False)
    body: bytes


Behaviour = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """Reads requests, notes them and behaves to each as it is told."""

    def __init__(self, behave: Behaviour) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.base_url = ""
        self._behave = behave
        self._arrived = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def arrivals(self) -> list[tuple[int, str, str]]:
        """Connection, method and target of each request."""
        return [(each.connection, each.method, each.target) for each in self.received]

    async def until(self, count: int) -> None:
        """Wait until so many requests have arrived in all."""
        while len(self.received) < count:
            self._arrived.clear()
            await self._arrived.wait()

    @asynccontextmanager
    async def listen(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        self.base_url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        try:
            yield
        finally:
            server.close()
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    raise outcome

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.ensure_future(self._serve(self.connections, reader, writer))
        self._tasks.add(task)

    async def _serve(
        self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while True:
                self.received.append(await _read(connection, reader))
                self._arrived.set()
                await self._behave(self.received[-1], writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()


async def _read(connection: int, reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").removesuffix("\r\n\r\n")
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(connection, method, target, MappingProxyType(headers), body)


def answer(body: bytes = b"{}", *, status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer. Names of headers are written with underscores."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


def saying(said: bytes) -> Behaviour:
    """Say the same to every request."""

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    return behave


async def reset(request: Received, writer: asyncio.StreamWriter) -> None:
    """End the connection with a TCP reset."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    raise ConnectionResetError


async def hold(request: Received, writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()
