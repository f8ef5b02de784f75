"""A REST API at the level of bytes, for what no HTTP framework does: resets, drips, half answers."""

import asyncio
import itertools
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Received:
    """One request, read to its end. Header names are in lower case; connections count from 1."""

    connection: int
    method: str
    target: str
    headers: MappingProxyType[str, str] = field(repr=False)
    body: bytes


class Stage(Enum):
    """How much of a request has been read."""

    NOTHING = auto()
    A_BYTE = auto()
    THE_HEAD = auto()
    HALF_THE_BODY = auto()


Behaviour = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]
Ending = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Cut:
    """Ends each connection at a stage of its first request, or of a later one."""

    stage: Stage
    end: Ending
    request: int = 1


class RawServer:
    """Reads requests, notes them and behaves to each as it is told, for as long as its client is there.

    Attributes:
        received: Whole requests, in the order in which they ended.
        begun: How many requests there were of which anything came.
        connections: How many were accepted.
        behave: May be changed between requests.
    """

    def __init__(self, behave: Behaviour, *, cut: Cut | None = None) -> None:
        self.received: list[Received] = []
        self.begun = 0
        self.connections = 0
        self.base_url = ""
        self.behave = behave
        self._cut = cut
        self._news = asyncio.Event()
        self._listens = False
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._writers: list[asyncio.StreamWriter] = []
        self._fence: object = None

    @property
    def arrivals(self) -> list[tuple[int, str, str]]:
        """Connection, method and target of each request."""
        return [(each.connection, each.method, each.target) for each in self.received]

    @property
    def open(self) -> int:
        """How many connections have not ended."""
        return sum(not task.done() for task in self._tasks.values())

    async def until(self, count: int) -> None:
        """Wait until so many requests have arrived in all."""
        await self.when(lambda: len(self.received) >= count)

    async def when(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so; it is looked at whenever something comes."""
        while not condition():
            self._news.clear()
            await self._news.wait()

    def look_again(self) -> None:
        """Something happened that whoever waits with `when` may be interested in."""
        self._news.set()

    async def ended(self, connection: int) -> None:
        """Wait for the end of a connection that was accepted."""
        await asyncio.wait({self._tasks[connection]})

    async def settled(self) -> None:
        """Wait until all that clients ever sent was seen; they must have left, or been sent away."""
        host, _, port = self.base_url.rpartition("/")[2].rpartition(":")
        with socket.socket() as fence:
            fence.setblocking(False)
            fence.bind((host, 0))
            self._fence = fence.getsockname()
            async with asyncio.timeout(10):
                # Connections are accepted in their order: once this one is, all before it are.
                await asyncio.get_running_loop().sock_connect(fence, (host, int(port)))
                await self.when(lambda: self._fence is None)
                await asyncio.gather(*self._tasks.values())

    @asynccontextmanager
    async def listen(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        self._listens = True
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        self.base_url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        try:
            yield
        finally:
            server.close()
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            self._listens = False
            for writer in self._writers:  # A task that was cancelled before it began has not done it.
                writer.transport.abort()
            await asyncio.sleep(0)
            for outcome in outcomes:
                if isinstance(outcome, Exception):
                    raise outcome

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._listens:
            writer.transport.abort()
        elif self._fence == writer.get_extra_info("peername"):
            self._fence = None
            writer.transport.abort()
        else:
            self.connections += 1
            self._writers.append(writer)
            serving = self._serve(self.connections, reader, writer)
            self._tasks[self.connections] = asyncio.ensure_future(serving)
        self._news.set()

    async def _serve(
        self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        # The next request's first byte is waited for even while this one is answered: it tells of a client
        # that has left.
        next_byte = asyncio.ensure_future(reader.read(1))
        try:
            for number in itertools.count(1):
                await self._cut_off(Stage.NOTHING, number, writer)
                if not (byte := await next_byte):
                    return
                self.begun += 1
                self._news.set()
                request = await self._read(byte, connection, number, reader, writer)
                self.received.append(request)
                self._news.set()
                next_byte = asyncio.ensure_future(reader.read(1))
                await self._act(request, writer, next_byte)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            next_byte.cancel()
            await asyncio.gather(next_byte, return_exceptions=True)

    async def _read(
        self,
        byte: bytes,
        connection: int,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> Received:
        await self._cut_off(Stage.A_BYTE, number, writer)
        head = (byte + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").removesuffix("\r\n\r\n")
        await self._cut_off(Stage.THE_HEAD, number, writer)
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readuntil(b"\r\n")
        else:
            length = int(headers.get("content-length", "0"))
            body = await reader.readexactly(length // 2)
            await self._cut_off(Stage.HALF_THE_BODY, number, writer)
            body += await reader.readexactly(length - length // 2)
        return Received(connection, method, target, MappingProxyType(headers), body)

    async def _cut_off(self, stage: Stage, number: int, writer: asyncio.StreamWriter) -> None:
        if self._cut is not None and (self._cut.stage, self._cut.request) == (stage, number):
            await self._cut.end(writer)

    async def _act(
        self, request: Received, writer: asyncio.StreamWriter, next_byte: asyncio.Future[bytes]
    ) -> None:
        acting = asyncio.ensure_future(self.behave(request, writer))
        either: set[asyncio.Future[Any]] = {acting, next_byte}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if acting.done() or next_byte.result():
                await acting
                await writer.drain()
        finally:
            acting.cancel()
            await asyncio.wait({acting})


def answer(body: bytes = b"{}", *, status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer. Names of headers are written with underscores."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


def saying(said: bytes, *, then: Ending | None = None) -> Behaviour:
    """Say the same to every request, and perhaps end the connection then."""

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        if then is not None:
            await writer.drain()
            await then(writer)

    return behave


async def send_reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with a TCP reset."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    raise ConnectionResetError


async def send_fin(writer: asyncio.StreamWriter) -> None:
    """End the connection politely; where something came that wasn't read, the system makes it a reset."""
    writer.close()
    await writer.wait_closed()
    raise ConnectionAbortedError


async def reset(request: Received, writer: asyncio.StreamWriter) -> None:
    """Answer with a TCP reset."""
    await send_reset(writer)


async def hold(request: Received, writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


# Places where no request can arrive.


@contextmanager
def refusing() -> Iterator[str]:
    """A port that nobody listens on, and nobody else gets meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def full() -> Iterator[str]:
    """A listener with no room for one more connection: the system answers no further SYN."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filling in (first, second):
            filling.setblocking(False)
            filling.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def silent() -> Iterator[str]:
    """A TLS port whose handshake nobody answers; the system alone makes the TCP connection."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def unknown() -> Iterator[str]:
    """A name that no resolver knows (RFC 6761, section 6.4)."""
    yield "http://source.invalid"
