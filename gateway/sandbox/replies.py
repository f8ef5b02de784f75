"""An answer as a value, whole or spoilt, and how it is sent: at once, or in pieces with pauses."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from starlette.types import ASGIApp, Message, Scope, Send

# What a proxy in front of a service shows its users, and some with this status.
_PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n"
    b"<body><h1>502 Bad Gateway</h1><p>Injected fault</p></body></html>\n"
)
# A body dripped at so many bytes per second comes about this often, in pieces of a byte at least.
_DROP_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, held back until it is clear what becomes of it.

    Attributes:
        pieces: In how many the body is sent.
        pause_s: The time between two of them.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    pieces: int = 1
    pause_s: float = 0.0

    def with_body(self, body: bytes) -> "Reply":
        """The same with another body, and its length in the head."""
        headers = [(name, value) for name, value in self.headers if name.lower() != b"content-length"]
        return replace(self, headers=[*headers, (b"content-length", str(len(body)).encode())], body=body)


async def ask(app: ASGIApp, scope: Scope, body: bytes) -> Reply:
    """Have the vendor's app carry a request out, and hold its answer back."""
    status = 500
    headers: list[tuple[bytes, bytes]] = []
    chunks: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            headers.extend(message["headers"])
        else:
            chunks.append(message.get("body", b""))

    await app(scope, receive, send)
    return Reply(status, headers, b"".join(chunks))


async def send_reply(reply: Reply, send: Send, pause: Callable[[float], Awaitable[bool]]) -> bool:
    """Send an answer.

    Args:
        reply: What to send.
        send: Where to.
        pause: Waits so many seconds, and says whether there is any sense in going on.

    Returns:
        Whether all of it was sent.
    """
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    count = max(min(reply.pieces, len(reply.body)), 1)
    borders = [len(reply.body) * number // count for number in range(count + 1)]
    for begin, end in pairwise(borders):
        if begin and not await pause(reply.pause_s):
            return False
        piece = reply.body[begin:end]
        await send({"type": "http.response.body", "body": piece, "more_body": end < len(reply.body)})
    return True


def dripped(reply: Reply, *, bytes_per_s: float, pieces: int | None, pause_s: float) -> Reply:
    """The answer slowed down: in so many pieces with pauses or, where none are given, by the second."""
    if pieces is not None:
        return replace(reply, pieces=pieces, pause_s=pause_s)
    count = math.ceil(len(reply.body) / max(bytes_per_s * _DROP_EVERY_S, 1.0)) or 1
    return replace(reply, pieces=count, pause_s=len(reply.body) / count / bytes_per_s)


def cut_in_half(reply: Reply) -> Reply:
    """A sound answer with the first half of the body."""
    return reply.with_body(reply.body[: len(reply.body) // 2])


def not_json(reply: Reply) -> Reply:
    """A sound answer, status 200, with a page for people."""
    headers = [(name, value) for name, value in reply.headers if name.lower() != b"content-type"]
    page = replace(reply, status=200, headers=[*headers, (b"content-type", b"text/html; charset=utf-8")])
    return page.with_body(_PAGE)


def half_of(reply: Reply) -> bytes:
    """The bytes of an answer up to the middle of its body or, where there is none, of its head."""
    lines = [b"%s: %s\r\n" % header for header in reply.with_body(reply.body).headers]
    head = b"".join([b"HTTP/1.1 %d \r\n" % reply.status, *lines, b"\r\n"])
    return head + reply.body[: len(reply.body) // 2] if reply.body else head[: len(head) // 2]
