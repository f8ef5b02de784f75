"""One request and what can befall it: `faults.py` has decided, here it is done."""

import asyncio
from dataclasses import dataclass
from typing import assert_never

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope

from gateway.sandbox.arrivals import Arrival
from gateway.sandbox.connection import Connection, connection_of
from gateway.sandbox.faults import ErrorBody, Faults, Mishap
from gateway.sandbox.late import LateWrites

HANG_AT_MOST_S = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, held back until it is clear what becomes of it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Exchange:
    """A request that has arrived, and the means to answer it, or not.

    The app's answer is a value here, not a stream, so a mishap can stand before the work (the app is never
    asked), after it (asked, its reply dropped or changed), or around it (asked later).
    """

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        receive: Receive,
        body: bytes,
        *,
        arrival: Arrival,
        faults: Faults,
        error_body: ErrorBody,
        late: LateWrites,
    ) -> None:
        self._app = app
        self._scope = scope
        self._receive = receive
        self._body = body
        self._arrival = arrival
        self._faults = faults
        self._error_body = error_body
        self._late = late

    async def answer(self, mishap: Mishap | None) -> Reply | None:
        """Do what was decided.

        Returns:
            What to send, or None where the connection has ended without an answer.

        Raises:
            NoConnection: The mishap breaks the connection and there is none; nothing was done.
        """
        self._arrival.applied = False
        match mishap:
            case None:
                return await self._carry_out()
            case Mishap.RESET_BEFORE:
                self._connection.reset()
            case Mishap.TIMEOUT_BEFORE:
                return await self._hang()
            case Mishap.ERROR_BEFORE:
                return self._refuse(self._faults.error_status, "Injected fault")
            case Mishap.THROTTLED:
                return self._throttle()
            case Mishap.LOST_ANSWER:
                connection = self._connection
                await self._carry_out()
                connection.close()
            case Mishap.RESET_AFTER:
                connection = self._connection
                await self._carry_out()
                connection.reset()
            case Mishap.TIMEOUT_AFTER:
                await self._carry_out()
                return await self._hang()
            case Mishap.ERROR_AFTER:
                await self._carry_out()
                return self._refuse(self._faults.error_status, "Injected fault")
            case Mishap.HALF_ANSWER:
                connection = self._connection
                connection.write(half_of(await self._carry_out()))
                connection.close()
            case Mishap.MALFORMED_JSON:
                reply = await self._carry_out()
                return _with_body(reply, reply.body[: len(reply.body) // 2])
            case Mishap.APPLIED_LATE:
                self._connection.reset()
                self._arrival.applied = None
                self._late.add(self._arrival, self._carry_out, after_s=self._faults.apply_after_s)
            case _:
                assert_never(mishap)
        return None

    async def left(self) -> None:
        """Return once the client has no connection any more."""
        await self._receive()  # The body has been read, so nothing else can come.

    @property
    def _connection(self) -> Connection:
        return connection_of(self._scope)

    async def _carry_out(self) -> Reply:
        reply = await _ask(self._app, self._scope, self._body)
        self._arrival.applied = 200 <= reply.status < 300
        return reply

    async def _hang(self) -> Reply | None:
        try:
            async with asyncio.timeout(HANG_AT_MOST_S):
                await self.left()
        except TimeoutError:
            return self._refuse(504, "Gateway timeout")
        return None

    def _throttle(self) -> Reply:
        reply = self._refuse(429, "Too many requests")
        if self._faults.retry_after_s is not None:
            reply.headers.append((b"retry-after", str(self._faults.retry_after_s).encode()))
        return reply

    def _refuse(self, status: int, text: str) -> Reply:
        body = orjson.dumps(self._error_body(status, text))
        return _with_body(Reply(status, [(b"content-type", b"application/json")], b""), body)


def half_of(reply: Reply) -> bytes:
    """The bytes of an answer up to the middle of its body or, where there is none, of its head."""
    lines = [b"%s: %s\r\n" % header for header in _with_body(reply, reply.body).headers]
    head = b"".join([b"HTTP/1.1 %d \r\n" % reply.status, *lines, b"\r\n"])
    return head + reply.body[: len(reply.body) // 2] if reply.body else head[: len(head) // 2]


async def _ask(app: ASGIApp, scope: Scope, body: bytes) -> Reply:
    """Have the vendor's app carry the request out, and hold its answer back."""
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


def _with_body(reply: Reply, body: bytes) -> Reply:
    headers = [(name, value) for name, value in reply.headers if name.lower() != b"content-length"]
    return Reply(reply.status, [*headers, (b"content-length", str(len(body)).encode())], body)
