"""Connections to the gateway that all callers share, as those of a frontend's server are: bytes in, bytes out."""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass

_GIVE_UP_S = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """All that came back; nothing where the connection was cut."""

    head: bytes = b""
    body: bytes = b""

    @property
    def is_whole(self) -> bool:
        """Whether there is one at all."""
        return bool(self.head)

    @property
    def raw(self) -> bytes:
        """Every byte of it."""
        return self.head + self.body

    @property
    def status(self) -> int:
        """Of HTTP."""
        return int(self.head.split(b" ", 2)[1])


_Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Connections:
    """Those that are open and idle. Any request takes any of them."""

    def __init__(self, port: int, draw: random.Random) -> None:
        self._port = port
        self._draw = draw
        self._idle: list[_Line] = []

    async def ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        *,
        leave_after_s: float | None = None,
    ) -> Answer:
        """Send a request and read its answer.

        Args:
            method: Of HTTP.
            path: With its query.
            headers: Beside the usual ones.
            body: To send.
            leave_after_s: Cut the connection then, whatever has come.
        """
        reader, writer = await self._take()
        lines = [f"{method} {path} HTTP/1.1", f"host: localhost:{self._port}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        try:
            async with asyncio.timeout(_GIVE_UP_S if leave_after_s is None else leave_after_s):
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                answer = Answer(head, await reader.readexactly(length))
        except TimeoutError:
            writer.transport.abort()
            if leave_after_s is None:
                raise
            return Answer()
        except (OSError, EOFError):
            writer.transport.abort()
            return Answer()
        self._idle.append((reader, writer))
        return answer

    async def _take(self) -> _Line:
        while self._idle:
            reader, writer = self._idle.pop(self._draw.randrange(len(self._idle)))
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.transport.abort()
        return await asyncio.open_connection("127.0.0.1", self._port, limit=2**22)

    async def close(self) -> None:
        """Leave."""
        for _, writer in self._idle:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        self._idle.clear()
