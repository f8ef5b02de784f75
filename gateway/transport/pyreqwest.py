"""The pyreqwest adapter (Rust's reqwest): for reads alone, at a tenth of httpx's cost (0008).

What the library does by itself: a request that it hands to a kept connection which turns out to be dead is
taken back and sent on another one, only if not a byte of it was written. Nothing else is repeated. On a kept
connection, bytes that nobody asked for end it, unless the next request is out already when they come.

What it can't do is stop: cancelled, and even closed, it goes on with a request in the background until the
source has answered or a timeout is over. So that is awaited here too, with the call's place among
`max_connections`, or a source that hangs would see more calls at once than it should.

One thread of its own does the work for all clients of the process, whatever event loop waits for it. A fork
leaves it behind, so a child whose parent had a client can make none: workers have to be spawned.
"""

import asyncio
import atexit
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path

import certifi
from pyreqwest.client import Client, ClientBuilder, SyncClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    DetailedPyreqwestError,
    JSONDecodeError,
    PoolTimeoutError,
    PyreqwestError,
    RedirectError,
    RequestTimeoutError,
)
from pyreqwest.http import HeaderMap
from pyreqwest.request import StreamRequest

from gateway.domain.deadline import remaining_s
from gateway.domain.errors import SourceError, SourceProtocolError, SourceTimeout, SourceUnavailable
from gateway.transport.body import ACCEPT_ENCODING, Body
from gateway.transport.call import Call, Reply
from gateway.transport.options import TransportOptions
from gateway.transport.places import Places
from gateway.transport.request import Unsendable, check_headers, refusal, url_of

_CHUNK_BYTES = 64 * 1024
_SWITCHING_PROTOCOLS = 101
# How much later than its deadline a request ends by itself. By then the deadline has been noticed above, and
# nobody takes it for a fault of the source.
_AFTER_DEADLINE_S = 0.5

# pyreqwest's exception -> (ours, whether the source may have got a part of the request). The first match
# wins, so subclasses stand before their bases. An answer that breaks off or isn't HTTP is a DecodeError.
_ERRORS: tuple[tuple[type[Exception], type[SourceError], bool], ...] = (
    (PoolTimeoutError, SourceTimeout, False),
    (RequestTimeoutError, SourceTimeout, True),
    (BuilderError, SourceProtocolError, False),
    (RedirectError, SourceProtocolError, True),
    (JSONDecodeError, SourceProtocolError, True),
    (PyreqwestError, SourceUnavailable, True),
)

# Its ConnectError and ConnectTimeoutError also stand for what breaks off or takes too long later. Only this
# cause says that there never was a connection; should it be worded otherwise one day, a call counts as sent.
_NEVER_CONNECTED = "client error (Connect)"

# Causes in words of our own: theirs may hold the URL.
_REASONS = (
    (re.compile("dns error"), "the host name is not known (DNS)"),
    (re.compile("Connection refused"), "connection refused"),
    (re.compile("invalid peer certificate: ([A-Za-z ]+)"), "TLS: {}"),
    (re.compile("received (fatal alert|corrupt message)"), "TLS: {}"),
)


class PyreqwestTransport:
    """Reads from one source: no redirects followed, no cookies kept, no proxy from the environment."""

    def __init__(self, source: str, options: TransportOptions) -> None:
        self._source = source
        self._base_url = options.base_url
        self._max_reply_bytes = options.max_reply_bytes
        self._total_timeout_s = options.total_timeout_s
        self._client: Client | None = _client(options)
        self._places = Places(options.max_connections, source=source, timeout_s=options.pool_timeout_s)
        self._running: set[asyncio.Task[Reply]] = set()

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`.

        Raises:
            ValueError: The call is no read, or its body is a stream: for another adapter.
        """
        await self._places.take(call.operation)
        try:
            request = self._build(call)
        except BaseException:
            self._places.give_back()
            raise
        exchange = asyncio.ensure_future(self._exchange(request, call.operation))
        self._running.add(exchange)
        exchange.add_done_callback(self._leave)
        return await asyncio.shield(exchange)

    def _leave(self, exchange: asyncio.Task[Reply]) -> None:
        self._running.discard(exchange)
        self._places.give_back()
        if not exchange.cancelled():
            exchange.exception()  # Its caller may have gone: then nobody else looks at it.

    async def _exchange(self, request: StreamRequest, operation: str) -> Reply:
        try:
            async with request as response:
                headers = _headers(response.headers)
                self._check_framing(response.status, headers)
                body = Body(
                    self._source, headers.get("content-encoding", ""), max_bytes=self._max_reply_bytes
                )
                while (chunk := await response.body_reader.read(_CHUNK_BYTES)) is not None:
                    body.add(chunk.to_bytes())
                return Reply(response.status, headers, body.whole())
        except PyreqwestError as error:
            raise translate(error, self._source, operation) from error

    def _build(self, call: Call) -> StreamRequest:
        if not call.safe or not isinstance(call.body, bytes | None):
            raise ValueError(f"{call.operation} can't be sent by this adapter")
        if self._client is None:
            raise SourceUnavailable(self._source, detail=f"{call.operation}: closed", sent=False)
        try:
            check_headers(call.headers)
            request = self._client.request(call.method, url_of(self._base_url, call))
        except Unsendable as error:
            raise refusal(error, self._source, call.operation) from None
        except ValueError:  # No address that can be called; its text holds the URL.
            raise refusal(Unsendable("address"), self._source, call.operation) from None
        if call.headers:
            request = request.headers(dict(call.headers))
        if call.credential is not None:
            # What a source sends too much on a kept connection may come when the next read is out already,
            # and pass for its answer. So no two callers ever meet on one.
            request = request.header("connection", "close")
        if call.body is not None:
            request = request.body_bytes(call.body)
        left_s = remaining_s()
        if left_s is not None and left_s + _AFTER_DEADLINE_S < self._total_timeout_s:
            request = request.timeout(timedelta(seconds=left_s + _AFTER_DEADLINE_S))
        return request.build_streamed()

    def _check_framing(self, status: int, headers: Mapping[str, str]) -> None:
        """Refuse what hyper lets pass: other transfer codings, as if they were none, and any upgrade."""
        if headers.get("transfer-encoding", "chunked").lower() != "chunked":
            raise SourceUnavailable(self._source, detail="a transfer coding that was not asked for")
        if status == _SWITCHING_PROTOCOLS:
            raise SourceUnavailable(self._source, detail="an upgrade that was not asked for")

    async def close(self) -> None:
        """End all calls. Connections in use are closed once their source answers, or time out."""
        if self._client is not None:
            # Closing it keeps idle connections; only without the object they go.
            client, self._client = self._client, None
            await client.close()
        if self._running:
            await asyncio.wait(self._running)


def translate(error: PyreqwestError, source: str, operation: str) -> SourceError:
    """Our error for one of pyreqwest's. Its text is left out: it may hold the URL with a token in it."""
    ours, sent = next((ours, sent) for theirs, ours, sent in _ERRORS if isinstance(error, theirs))
    causes = _causes(error)
    sent = sent and _NEVER_CONNECTED not in causes
    name = type(error).__name__
    if ours is SourceTimeout:
        # Its names don't tell where the time went.
        name = "no answer in time" if sent else "no connection in time"
    translated = ours(source, detail=", ".join((f"{operation}: {name}", *_in_words(causes))))
    translated.sent = sent
    return translated


def _causes(error: PyreqwestError) -> list[str]:
    if not isinstance(error, DetailedPyreqwestError):
        return []
    return [cause["message"] for cause in error.details["causes"] or ()]


def _in_words(causes: list[str]) -> list[str]:
    for pattern, words in _REASONS:
        for cause in causes:
            if found := pattern.match(cause):
                return [words.format(*found.groups()).strip()]
    return []


def _headers(theirs: HeaderMap) -> dict[str, str]:
    """Names come in lower case. Values of one name are joined (RFC 9110, section 5.3)."""
    try:
        items = list(theirs.items())
    except ValueError:  # Bytes that aren't ASCII: pyreqwest can't show that header, but the others.
        items = [(name, value) for name in set(theirs) for value in _readable(theirs, name)]
    headers: dict[str, str] = {}
    for name, value in items:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _readable(theirs: HeaderMap, name: str) -> list[str]:
    try:
        return theirs.getall(name)
    except ValueError:
        return []


def _client(options: TransportOptions) -> Client:
    _settle_at_exit()
    return (
        ClientBuilder()
        .http1_only()
        .connect_timeout(timedelta(seconds=options.connect_timeout_s))
        .read_timeout(timedelta(seconds=options.read_timeout_s))
        .timeout(timedelta(seconds=options.total_timeout_s))
        .pool_idle_timeout(timedelta(seconds=options.keep_alive_s))
        .pool_max_idle_per_host(options.max_connections)
        .user_agent(options.user_agent)
        .default_headers({"accept": "application/json", "accept-encoding": ACCEPT_ENCODING})
        .gzip(enable=False)
        .brotli(enable=False)
        .zstd(enable=False)
        .deflate(enable=False)
        .follow_redirects(enable=False)
        .referer(enable=False)
        .default_cookie_store(enable=False)
        .no_proxy()
        # Beside the system's: without any of those, it would refuse to be built.
        .add_root_certificate_pem(_authorities())
        .build()
    )


@cache
def _settle_at_exit() -> None:
    """Let the library's thread come out of Python before the interpreter ends: up to 3.13, that would abort.

    One in sixty processes ended so on a busy machine, with all its clients closed.
    """
    atexit.register(_settle)


def _settle() -> None:
    # Refused within that thread, after all that it had to do; and waited for without holding it up.
    with suppress(PyreqwestError, RuntimeError):
        SyncClientBuilder().build().get("none://127.0.0.1").build().send()


@cache
def _authorities() -> bytes:
    return Path(certifi.where()).read_bytes()
