"""Connections that wait for their clients, but not for ever.

uvicorn waits without end for a request's head and body, and for a client that doesn't read its answer; its
one timer runs between two requests, and a single byte stops it. Its parser sets no bounds to a head. This
protocol adds both, around uvicorn's own:

    nothing yet ------> head: head_timeout_s, max_head_bytes, max_url_bytes, max_headers
                        body: body_timeout_s, and more as long as it comes at min_body_bytes_per_s
                        answer: no bound here, operations have their own; write_timeout_s to take it

All connections of a server are looked at together, by one timer a second: nothing is scheduled or
cancelled per request. What is refused here never was a request to the app, so it is answered here, in the
form that the app's refusals have.
"""

import asyncio
from collections.abc import Mapping
from itertools import chain
from typing import Any

import httptools
import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from gateway.domain.errors import ErrorCode
from gateway.http.problems import HttpProblem
from gateway.http.security_headers import ALWAYS
from gateway.http.settings import ConnectionSettings
from gateway.observability.request import new_request_id

LOOK_EVERY_S = 1.0
# Where the connection ends while the client still sends: time for it to read why. What it sends is dropped.
# Closed at once, the connection would be reset, and the answer might be lost with it (RFC 9112, section 9.6).
_LINGER_S = 2.0


# What of a request is arriving. Numbers: members of an Enum take three times as long to look up.
_NOTHING, _HEAD, _BODY = range(3)


class Connections:
    """All connections of a server, and the time that they have."""

    def __init__(self, limits: ConnectionSettings, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self.limits = limits
        self._look_every_s = look_every_s
        self._open: set[PatientProtocol] = set()
        # Those without a request under way, the one that has been so for longest first.
        self._without_request: dict[PatientProtocol, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __call__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:
        """Make the protocol of a new connection, as uvicorn asks for one."""
        return PatientProtocol(self, config, server_state, app_state, _loop)

    def opened(self, connection: "PatientProtocol") -> bool:
        """Take a connection in, if need be in another's place. False if all are being served."""
        if len(self._open) >= self.limits.max_connections:
            oldest = next(iter(self._without_request), None)
            if oldest is None:
                return False
            self.closed(oldest)
            oldest.transport.abort()
        self._open.add(connection)
        self._without_request[connection] = None
        if self._timer is None:
            self._timer = connection.loop.call_later(self._look_every_s, self._look, connection.loop)
        return True

    def closed(self, connection: "PatientProtocol") -> None:
        """Forget a connection."""
        self._open.discard(connection)
        self._without_request.pop(connection, None)

    def asks(self, connection: "PatientProtocol") -> None:
        """It has a request: it is not closed in favour of another."""
        self._without_request.pop(connection, None)

    def asks_no_more(self, connection: "PatientProtocol") -> None:
        """Its request has been answered, or refused."""
        if connection in self._open:
            self._without_request[connection] = None

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        for connection in list(self._open):
            connection.look(now_s)
        self._timer = loop.call_later(self._look_every_s, self._look, loop) if self._open else None


class PatientProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        connections: Connections,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._connections = connections
        self._limits = connections.limits
        self._stage = _NOTHING
        # When the client must have sent what is missing; None while nothing is.
        self._due_s: float | None = None
        # Bytes since the piece that the current message began in, and those of the piece that came last.
        self._since = self._piece = 0
        self._silent = True
        self._stuck_since_s: float | None = None
        self._closing_since_s: float | None = None
        # Nothing more is read: what came last was no request, or asked for another protocol.
        self._over = False
        self._refusal: HttpProblem | None = None

    # -- what the transport says

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._due_s = self.loop.time() + self._limits.head_timeout_s
        if not self._connections.opened(self):
            busy = HttpProblem(
                503, "Too many connections are being served. Try again.", headers={"Retry-After": "1"}
            )
            transport.write(self._answer(busy))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._over:
            return
        self._unset_keepalive_if_required()
        self._silent = False
        self._piece = len(data)
        self._since += self._piece
        if self._stage is _BODY and self._due_s is not None:
            self._due_s += self._piece / self._limits.min_body_bytes_per_s
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The request is served as if it had not asked; behind it there may be anything.
            self._end_after_answers()
            return
        except httptools.HttpParserError:
            self._refuse(self._refusal or HttpProblem(400, "This is not an HTTP request."))
            return
        if self._stage is not _BODY and self._since > self._limits.max_head_bytes:
            self._refuse(self._head_too_large())
        elif self._due_s is None and (self._stage is not _NOTHING or self._all_answered()):
            limits = self._limits
            allowed_s = limits.body_timeout_s if self._stage is _BODY else limits.head_timeout_s
            self._due_s = self.loop.time() + allowed_s

    def pause_writing(self) -> None:
        self._stuck_since_s = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stuck_since_s = None
        super().resume_writing()

    # -- what the parser says

    def on_message_begin(self) -> None:
        self._stage, self._due_s, self._since = _HEAD, None, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._check_head()
        if not self.url.startswith(b"/"):
            self._take_host_from_target()
        super().on_headers_complete()
        self._stage, self._due_s = _BODY, None
        self._connections.asks(self)

    def on_message_complete(self) -> None:
        self._stage, self._due_s, self._since = _NOTHING, None, 0
        super().on_message_complete()

    def _check_head(self) -> None:
        limits = self._limits
        if len(self.url) > limits.max_url_bytes:
            self._refusal = HttpProblem(
                414, f"The request's target may have {limits.max_url_bytes} bytes at most."
            )
        elif len(self.headers) > limits.max_headers:
            self._refusal = HttpProblem(431, f"A request may have {limits.max_headers} headers at most.")
        # A head that came in one piece has no more bytes than that.
        elif (
            self._since or self._piece > limits.max_head_bytes
        ) and self._head_bytes() > limits.max_head_bytes:
            self._refusal = self._head_too_large()
        if self._refusal is not None:
            raise self._refusal

    def _head_bytes(self) -> int:
        return len(self.url) + sum(map(len, chain.from_iterable(self.headers)))

    def _head_too_large(self) -> HttpProblem:
        return HttpProblem(
            431, f"The request's line and headers may have {self._limits.max_head_bytes} bytes at most."
        )

    def _take_host_from_target(self) -> None:
        """A target with a host of its own decides over the Host header (RFC 9112, section 3.2.2)."""
        target = httptools.parse_url(self.url)
        if target.userinfo or not target.host or target.schema not in {b"http", b"https"}:
            raise HttpProblem(400, "This is not an HTTP request.")
        host = b"[%b]" % target.host if b":" in target.host else target.host
        if target.port:
            host += b":%d" % target.port
        self.headers[:] = [each for each in self.headers if each[0] != b"host"]
        self.headers.append((b"host", host))

    # -- what uvicorn says

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            return
        if self._stage is _BODY and not self.pipeline:
            # The answer came before the end of the body.
            linger_s = self.loop.time() + _LINGER_S
            self._due_s = linger_s if self._due_s is None else min(self._due_s, linger_s)
        if self._all_answered():
            self._connections.asks_no_more(self)

    # -- what the clock says

    def look(self, now_s: float) -> None:
        """Cut what has waited too long."""
        patience_s = self._limits.write_timeout_s
        if self.transport.is_closing():
            # Closed, but the client still has to take the rest of its answer.
            if self._closing_since_s is None:
                self._closing_since_s = now_s
            elif now_s - self._closing_since_s >= patience_s:
                self.transport.abort()
        elif self._stuck_since_s is not None and now_s - self._stuck_since_s >= patience_s:
            self.transport.abort()
        elif self._due_s is not None and now_s >= self._due_s:
            self._overdue(now_s)

    def _overdue(self, now_s: float) -> None:
        if self._over:
            self.transport.abort()
        elif self.flow.read_paused:
            # It is not the client who is late: we haven't read what it sends.
            self._due_s = now_s + self._limits.body_timeout_s
        elif self._silent:
            # Browsers open connections that they may never need; an answer would only confuse them.
            self.transport.close()
        else:
            what = "body" if self._stage is _BODY else "line and headers"
            self._refuse(HttpProblem(408, f"The request's {what} took too long to arrive."))

    def _all_answered(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # which is None until the first request
        return cycle is None or cycle.response_complete

    def _end_after_answers(self) -> None:
        self._over, self._due_s = True, None
        if self._all_answered():
            self.transport.close()
        else:
            self.cycle.keep_alive = False

    def _refuse(self, problem: HttpProblem) -> None:
        """End the connection; with an answer, unless the client would take it for another request's."""
        answerable = self._all_answered()
        if self._stage is _BODY:
            # The app has this request already, and learns that no more of it comes.
            answerable = not self.pipeline and not self.cycle.response_started
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        elif not answerable:
            self._end_after_answers()
            return
        self._over = True
        if answerable:
            self.transport.write(self._answer(problem))
        if not answerable or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self._due_s = self.loop.time() + _LINGER_S
        self._connections.asks_no_more(self)

    def _answer(self, problem: HttpProblem) -> bytes:
        request_id = new_request_id()
        extensions = {"code": ErrorCode.BAD_USER_INPUT, "retryable": False, "requestId": request_id}
        body = orjson.dumps({"errors": [{"message": problem.message, "extensions": extensions}]})
        headers: Mapping[str, str] = {
            "content-type": "application/json; charset=utf-8",
            "content-length": str(len(body)),
            "connection": "close",
            "x-request-id": request_id,
            **problem.headers,
        }
        lines = [
            *(b"%b: %b\r\n" % each for each in self.server_state.default_headers),
            *(b"%b: %b\r\n" % each for each in ALWAYS),
            *(f"{name}: {value}\r\n".encode() for name, value in headers.items()),
        ]
        return b"".join([STATUS_LINE[problem.status], *lines, b"\r\n", body])
