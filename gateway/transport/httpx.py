"""The httpx adapter: reference for all calls, and the only one that writes go through."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from gateway.domain.errors import SourceError, SourceProtocolError, SourceTimeout, SourceUnavailable
from gateway.transport.call import Call, Reply
from gateway.transport.unasked import AskedOnly


@dataclass(frozen=True, slots=True)
class HttpxOptions:
    """How to talk to one source. Times are in seconds.

    `max_connections` also caps how many calls run at once; further ones wait up to `pool_timeout_s`.
    """

    base_url: str
    connect_timeout_s: float = 3.0
    read_timeout_s: float = 10.0
    pool_timeout_s: float = 5.0
    max_connections: int = 20
    max_reply_bytes: int = 32 * 1024 * 1024
    user_agent: str = "helpdesk-gateway"


# httpx's exception -> (ours, whether the source may have got a part of the request). The first match
# wins, so subclasses stand before their bases.
_ERRORS: tuple[tuple[type[Exception], type[SourceError], bool], ...] = (
    (httpx.ConnectTimeout, SourceTimeout, False),
    (httpx.PoolTimeout, SourceTimeout, False),
    (httpx.ConnectError, SourceUnavailable, False),
    (httpx.ProxyError, SourceUnavailable, False),
    (httpx.UnsupportedProtocol, SourceUnavailable, False),
    (httpx.TimeoutException, SourceTimeout, True),
    (httpx.LocalProtocolError, SourceProtocolError, True),
    (httpx.RemoteProtocolError, SourceUnavailable, True),
    (httpx.NetworkError, SourceUnavailable, True),
    (httpx.DecodingError, SourceProtocolError, True),
    (httpx.TooManyRedirects, SourceProtocolError, True),
    (httpx.HTTPError, SourceUnavailable, True),
    (httpx.InvalidURL, SourceUnavailable, False),
    (httpx.StreamError, SourceUnavailable, True),
    (httpx.CookieConflict, SourceProtocolError, True),
    # anyio's, under uvloop, of a connection that is reset while it is being made.
    (AttributeError, SourceUnavailable, True),
    # A header that isn't ASCII: httpx refuses to build the request.
    (UnicodeError, SourceUnavailable, False),
)


class HttpxTransport:
    """Calls one source with httpx: no redirects followed, no cookies kept, no proxy from the environment.

    A write gets a fresh connection: on a kept one that the source has closed meanwhile, nobody could
    tell whether the request arrived.
    """

    def __init__(self, source: str, options: HttpxOptions) -> None:
        self._source = source
        self._max_reply_bytes = options.max_reply_bytes
        self._reads = _client(options, keep_alive=True)
        self._writes = _client(options, keep_alive=False)

    async def send(self, call: Call) -> Reply:
        """See `Transport.send`."""
        client = self._reads if call.safe else self._writes
        request = self._build(client, call)
        try:
            response = await client.send(request, stream=True)
            try:
                body = await self._read(response)
            finally:
                await response.aclose()
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            httpx.StreamError,
            httpx.CookieConflict,
            AttributeError,
        ) as error:
            raise translate(error, self._source, call.operation) from error
        return Reply(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)

    def _build(self, client: httpx.AsyncClient, call: Call) -> httpx.Request:
        try:
            return client.build_request(
                call.method,
                call.path,
                params=call.query or None,
                headers=dict(call.headers),
                content=call.body,
            )
        except (httpx.InvalidURL, UnicodeError) as error:
            raise translate(error, self._source, call.operation) from error

    async def _read(self, response: httpx.Response) -> bytes:
        # httpx unpacks each chunk whole. One layer makes at most a thousand bytes of one, so a chunk stays
        # bounded; two layers would make a million.
        if "," in response.headers.get("content-encoding", ""):
            raise SourceProtocolError(self._source, detail="an answer packed more than once")
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._max_reply_bytes:
                raise SourceProtocolError(
                    self._source, detail=f"an answer of more than {self._max_reply_bytes} bytes"
                )
        return bytes(body)

    async def close(self) -> None:
        """Close both pools."""
        await self._reads.aclose()
        await self._writes.aclose()


def translate(error: Exception, source: str, operation: str) -> SourceError:
    """Our error for one of httpx's. Its text is left out: it may hold the URL with a token in it."""
    ours, sent = next((ours, sent) for theirs, ours, sent in _ERRORS if isinstance(error, theirs))
    reason = next((said for cause in _causes(error) if (said := _in_words(cause))), None)
    detail = f"{operation}: {type(error).__name__}"
    translated = ours(source, detail=f"{detail}, {reason}" if reason else detail)
    translated.sent = sent
    return translated


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What lies below an exception: the library wraps the system's own several times."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _causes(each)
    below = error.__cause__ or error.__context__
    if below is not None:
        yield from _causes(below)


def _in_words(cause: BaseException) -> str | None:
    match cause:
        case socket.gaierror():
            return "the host name is not known (DNS)"
        case ssl.SSLCertVerificationError():
            return f"TLS: {cause.verify_message}"
        case ssl.SSLError():
            return f"TLS: {(cause.reason or 'failed').replace('_', ' ').lower()}"
        case ConnectionRefusedError():
            return "connection refused"
        case _:
            return None


def _client(options: HttpxOptions, *, keep_alive: bool) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=options.base_url,
        timeout=httpx.Timeout(
            options.read_timeout_s, connect=options.connect_timeout_s, pool=options.pool_timeout_s
        ),
        transport=AskedOnly(
            limits=httpx.Limits(
                max_connections=options.max_connections,
                max_keepalive_connections=options.max_connections if keep_alive else 0,
            ),
            trust_env=False,
            verify=_trust(),
        ),
        headers={"user-agent": options.user_agent, "accept": "application/json"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        follow_redirects=False,
        trust_env=False,
    )


@cache
def _trust() -> ssl.SSLContext:
    """The usual authorities, read once: it takes 60 ms, and each source has two clients."""
    return httpx.create_ssl_context(trust_env=False)
