"""A client at the level of bytes: it tells a reset from a close, and silence from both."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from gateway.sandbox import Sandbox, Service

TICKET = 123456
FIN, RST, SILENCE = "FIN", "RST", "silence"


class RawClient:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, request: bytes) -> None:
        """Send bytes; they need not be a whole request."""
        self._writer.write(request)

    async def read_answer(self) -> tuple[int, bytes]:
        """Status and body of a whole answer; the connection stays."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        return int(head.split(" ")[1]), await self._reader.readexactly(length)

    async def read_to_the_end(self) -> tuple[bytes, str]:
        """What comes before the connection ends, and how it ends.

        Silence is when nothing comes: ask once the service has done what it does, as answers on their way
        take far less than this waits.
        """
        said = b""
        try:
            while True:
                async with asyncio.timeout(0.05):
                    chunk = await self._reader.read(65536)
                if not chunk:
                    return said, FIN
                said += chunk
        except ConnectionResetError:
            return said, RST
        except TimeoutError:
            return said, SILENCE

    async def read_all(self) -> tuple[bytes, str]:
        """What comes until the other side ends the connection, and how it does; it must, within ten seconds."""
        said = b""
        try:
            async with asyncio.timeout(10):
                while chunk := await self._reader.read(65536):
                    said += chunk
        except ConnectionResetError:
            return said, RST
        return said, FIN

    async def close(self) -> None:
        """Leave."""
        self._writer.transport.abort()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[RawClient]:
    """A fresh connection to where a URL points."""
    parts = urlsplit(url)
    client = RawClient(*await asyncio.open_connection(parts.hostname, parts.port))
    try:
        yield client
    finally:
        await client.close()


def request(service: Service, method: str, path: str, body: object = None) -> bytes:
    """A whole request with a bearer token on it."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [
        f"{method} {path} HTTP/1.1",
        "host: sandbox",
        f"authorization: Bearer {service.credentials['token']}",
        "content-type: application/json",
        f"content-length: {len(content)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


def netevia_write(service: Service, text: str = "Hello", ticket_id: int = TICKET) -> bytes:
    """A message on a ticket at Netevia."""
    return request(service, "POST", "/api/tickets/message", {"ticketId": ticket_id, "text": text})


def stored(sandbox: Sandbox) -> list[str]:
    """The messages that `netevia_write` has left behind."""
    return [comment.text for comment in sandbox.world.netevia.tickets[TICKET].comments]


async def until(condition: Callable[[], object]) -> None:
    """Let the others run until something is so."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the sandbox has no events for what tests look at
            await asyncio.sleep(0)


class Gate:
    """A sleep that lasts until the test opens it."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._open = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self._open.wait()

    def open(self) -> None:
        """Whoever sleeps wakes up, and nobody falls asleep again."""
        self._open.set()
